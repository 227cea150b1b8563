{{- /* The subject of a component's permissions. */}}
{{- define "anomal.subject" -}}
- kind: ServiceAccount
  name: {{ include "anomal.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
{{- end }}
