{{- /* The parts of pods of all engines. _report.tpl has more for the report engine. */}}

{{- /* The Service has a pod for a moment after its stop was requested, so the pod serves until then. */}}
{{- define "anomal.engine.drainSeconds" -}}5{{- end }}

{{- define "anomal.engine.args" -}}
- --grace-period={{ .values.gracePeriodSeconds }}
{{- if include "anomal.tls.enabled" .root }}
- --tls-cert=/etc/anomal/tls/tls.crt
- --tls-key=/etc/anomal/tls/tls.key
{{- end }}
{{- if .root.Values.auth.enabled }}
- --auth=kubernetes
- --audience={{ .root.Values.auth.audience }}
{{- end }}
{{- if eq .key "feature" }}
{{ include "anomal.packs.engineArgs" .root }}
{{- end }}
{{- if eq .key "report" }}
{{ include "anomal.report.args" . }}
{{- end }}
{{- end }}

{{- /* All options are arguments. */}}
{{- define "anomal.engine.env" }}{{ end }}

{{- define "anomal.engine.volumeMounts" -}}
{{- if include "anomal.tls.enabled" .root }}
- name: tls
  mountPath: /etc/anomal/tls
  readOnly: true
{{- end }}
{{- if eq .key "feature" }}
{{- with include "anomal.packs.volumeMounts" .root | trim }}
{{ . }}
{{- end }}
{{- end }}
{{- if eq .key "report" }}
{{ include "anomal.report.volumeMounts" . }}
{{- end }}
{{- end }}

{{- define "anomal.engine.volumes" -}}
{{- if include "anomal.tls.enabled" .root }}
- name: tls
  secret:
    secretName: {{ include "anomal.tls.secret" . }}
    defaultMode: 0440
{{- end }}
{{- if eq .key "feature" }}
{{- with include "anomal.packs.volumes" .root | trim }}
{{ . }}
{{- end }}
{{- end }}
{{- if eq .key "report" }}
{{ include "anomal.report.volumes" . }}
{{- end }}
{{- end }}
