{{- /* The common parts of all pods. */}}

{{- define "anomal.image" -}}
{{- $name := list .root.Values.image.registry .image.repository | compact | join "/" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (coalesce .image.tag .root.Values.image.tag .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- define "anomal.imagePullSecrets" -}}
{{- with concat .root.Values.image.pullSecrets .image.pullSecrets | uniq -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Both meet the Pod Security Standard "restricted". The group allows the user to read mounted keys. */}}
{{- define "anomal.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "anomal.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* The scheduling of pods. */}}
{{- define "anomal.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
{{- $own := dict "matchLabels" (include "anomal.selectorLabels" $ | fromYaml) }}
topologySpreadConstraints:
  {{- range . }}
  - {{- set (deepCopy .) "labelSelector" (default $own .labelSelector) | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* The arguments of all programs. */}}
{{- define "anomal.args" -}}
- --log-format={{ .root.Values.logging.format }}
- --log-level={{ .root.Values.logging.level }}
{{- with .root.Values.tracing.otlpEndpoint }}
- --otlp-endpoint={{ . }}
{{- end }}
{{ include (printf "anomal.%s.args" .kind) . }}
{{- with .values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
