{{- /* The parts of the operator's pods. */}}

{{- define "anomal.operator.args" -}}
- --leader-elect
- --lease-name={{ include "anomal.name" . }}
- --concurrency={{ .values.concurrency }}
{{- with .values.watchNamespaces }}
- --namespaces={{ join "," . }}
{{- end }}
{{- with .values.selector }}
- --selector={{ . }}
{{- end }}
{{- with .root.Values.runner.image }}
- --runner-image={{ include "anomal.image" (dict "root" $.root "image" .) }}
- --runner-image-pull-policy={{ $.root.Values.image.pullPolicy }}
{{- with .pullSecrets }}
- --runner-image-pull-secrets={{ join "," . }}
{{- end }}
{{- end }}
- --runner-defaults=/etc/anomal/runner/defaults.yaml
{{ include "anomal.packs.operatorArgs" .root }}
{{- range include "anomal.engines" .root | fromJsonArray }}
- --{{ .key }}-endpoint={{ include "anomal.endpoint" (set . "root" $.root) }}
{{- end }}
{{- if .root.Values.report.enabled }}
- --report-address={{ include "anomal.report.url" (dict "root" .root "values" .root.Values.report) }}
{{- end }}
{{- if include "anomal.tls.enabled" .root }}
- --ca=/etc/anomal/ca/ca.crt
{{- end }}
{{- if .root.Values.auth.enabled }}
- --audience={{ .root.Values.auth.audience }}
{{- end }}
{{- end }}

{{- define "anomal.operator.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef: {fieldPath: metadata.namespace}
{{- end }}

{{- define "anomal.operator.volumeMounts" -}}
- name: runner
  mountPath: /etc/anomal/runner
  readOnly: true
{{- with include "anomal.packs.volumeMounts" .root | trim }}
{{ . }}
{{- end }}
{{- if include "anomal.tls.enabled" .root }}
- name: ca
  mountPath: /etc/anomal/ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "anomal.operator.volumes" -}}
- name: runner
  configMap:
    name: {{ include "anomal.name" . }}-runner
{{- with include "anomal.packs.volumes" .root | trim }}
{{ . }}
{{- end }}
{{- if include "anomal.tls.enabled" .root }}
- name: ca
  secret:
    secretName: {{ include "anomal.tls.caSecret" .root }}
    # The Secret of an authority also has its key, which the operator must not have.
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}

{{- define "anomal.operator.runnerDefaults" -}}
{{- range $key, $value := .Values.runner.defaults }}
{{- with $value }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The least permissions, in a ClusterRole or in a Role of each watched namespace. */}}
{{- define "anomal.operator.rules" -}}
- apiGroups: [anomal.dev]
  resources: [anomalyjobs]
  verbs: [get, list, watch, delete] # delete: ttlSecondsAfterFinished
- apiGroups: [anomal.dev]
  resources: [anomalyjobs/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch, delete] # of streams whose records are pushed
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [list] # why a pod waits
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
