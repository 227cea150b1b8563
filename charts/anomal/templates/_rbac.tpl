{{- /* Whom a component's rights are given to. */}}
{{- define "anomal.subject" -}}
- kind: ServiceAccount
  name: {{ include "anomal.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
