{{- /* The pods of runs, and the pod of `helm test`, which has the same labels. */}}
{{- define "anomal.networkPolicy.runners" -}}
- podSelector:
    matchLabels:
      {{- include "anomal.networkPolicy.runnerLabels" . | nindent 6 }}
  namespaceSelector:
    {{- with .Values.operator.watchNamespaces }}
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values:
          {{- append . $.Release.Namespace | uniq | toYaml | nindent 10 }}
    {{- else }} {}
    {{- end }}
{{- end }}

{{- define "anomal.networkPolicy.runnerLabels" -}}
app.kubernetes.io/name: anomal
app.kubernetes.io/component: runner
{{- end }}

{{- /* The port of a URL. */}}
{{- define "anomal.networkPolicy.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (eq $url.scheme "https" | ternary "443" "80") $port -}}
{{- end }}
