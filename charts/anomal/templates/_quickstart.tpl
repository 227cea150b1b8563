{{- /* The settings of a first job, also used by `helm test`. */}}
{{- define "anomal.quickstart" -}}
{{ .Files.Get "files/quickstart.yaml" | trim }}
{{- if .Values.report.enabled }}
report: {title: Quickstart, keep: 1d}
{{- end }}
{{- end }}
