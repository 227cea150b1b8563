{{- /* What the pods of all engines have, and those of the report engine beyond it (_report.tpl). */}}

{{- /* Pods are still named by the Service for a moment after they were told to stop: they serve until then. */}}
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
{{- if eq .key "report" }}
{{ include "anomal.report.args" . }}
{{- end }}
{{- end }}

{{- /* Arguments say all. */}}
{{- define "anomal.engine.env" }}{{ end }}

{{- define "anomal.engine.volumeMounts" -}}
{{- if include "anomal.tls.enabled" .root }}
- name: tls
  mountPath: /etc/anomal/tls
  readOnly: true
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
{{- if eq .key "report" }}
{{ include "anomal.report.volumes" . }}
{{- end }}
{{- end }}
