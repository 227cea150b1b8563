{{- /* The additional parts of the report engine: a store, pages, sessions. */}}

{{- define "anomal.report.args" -}}
- --store={{ eq .values.store.type "object" | ternary .values.store.object.url "/var/lib/anomal/reports" }}
- --web-listen=0.0.0.0:8080
{{- if include "anomal.report.webTls" .root }}
- --web-tls
{{- end }}
- --external-url={{ include "anomal.report.url" . }}
- --session-key-file=/etc/anomal/session/{{ .values.sessionKey.key }}
{{- with .values.trustedProxies }}
- --trusted-proxies={{ join "," . }}
{{- end }}
{{- /* It refuses to start without authentication. */}}
{{- if not .root.Values.auth.enabled }}
- --auth=token
- --token-file=/etc/anomal/token/{{ .values.token.key }}
{{- end }}
{{- end }}

{{- define "anomal.report.volumeMounts" -}}
- name: session
  mountPath: /etc/anomal/session
  readOnly: true
{{- if not .root.Values.auth.enabled }}
- name: token
  mountPath: /etc/anomal/token
  readOnly: true
{{- end }}
{{- if ne .values.store.type "object" }}
- name: reports
  mountPath: /var/lib/anomal
{{- end }}
{{- end }}

{{- define "anomal.report.volumes" -}}
- name: session
  secret:
    secretName: {{ include "anomal.report.sessionSecret" . }}
    defaultMode: 0440
    items: [{key: {{ .values.sessionKey.key }}, path: {{ .values.sessionKey.key }}}]
{{- if not .root.Values.auth.enabled }}
- name: token
  secret:
    secretName: {{ include "anomal.report.tokenSecret" . }}
    defaultMode: 0440
    items: [{key: {{ .values.token.key }}, path: {{ .values.token.key }}}]
{{- end }}
{{- with .values.store }}
{{- if eq .type "persistentVolumeClaim" }}
- name: reports
  persistentVolumeClaim:
    claimName: {{ default (include "anomal.name" $) .persistentVolumeClaim.existingClaim }}
{{- else if eq .type "emptyDir" }}
- name: reports
  emptyDir:
    {{- toYaml .emptyDir | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "anomal.report.sessionSecret" -}}
{{- default (printf "%s-session" (include "anomal.name" .)) .values.sessionKey.existingSecret -}}
{{- end }}

{{- define "anomal.report.tokenSecret" -}}
{{- default (printf "%s-token" (include "anomal.name" .)) .values.token.existingSecret -}}
{{- end }}

{{- /* Whether only pods of one node can use the store, so that the old pod must stop before a new one starts. */}}
{{- define "anomal.report.alone" -}}
{{- with .values.store -}}
{{- if eq .type "emptyDir" }}true{{ end -}}
{{- if and (eq .type "persistentVolumeClaim") (not (has "ReadWriteMany" .persistentVolumeClaim.accessModes)) }}true{{ end -}}
{{- end -}}
{{- end }}

{{- define "anomal.report.webTls" -}}
{{- if and .Values.report.web.tls (include "anomal.tls.enabled" .) }}true{{ end -}}
{{- end }}

{{- define "anomal.report.webName" -}}
{{- printf "%s-report" (include "anomal.fullname" .root) -}}
{{- end }}

{{- /* The public address, as far as the chart can derive it. */}}
{{- define "anomal.report.url" -}}
{{- $scheme := include "anomal.report.webTls" .root | empty | ternary "http" "https" -}}
{{- $service := printf "%s://%s.%s.svc:%v" $scheme (include "anomal.report.webName" .) .root.Release.Namespace .values.web.service.port -}}
{{- with .values -}}
{{- if .externalUrl -}}
{{- .externalUrl -}}
{{- else if and .ingress.enabled .ingress.hosts -}}
{{- printf "%s://%s" (.ingress.tls | empty | ternary "http" "https") (first .ingress.hosts) -}}
{{- else if and .httpRoute.enabled .httpRoute.hostnames -}}
{{- printf "https://%s" (first .httpRoute.hostnames) -}}
{{- else -}}
{{- $service -}}
{{- end -}}
{{- end -}}
{{- end }}
