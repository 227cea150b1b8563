{{- /* The Secrets of certificates, and the names that they are valid for. */}}

{{- define "anomal.tls.enabled" -}}
{{- if and (ne .Values.tls.mode "none") (include "anomal.engines" . | fromJsonArray) }}true{{ end -}}
{{- end }}

{{- /* The Secret of an engine's certificate. */}}
{{- define "anomal.tls.secret" -}}
{{- if eq .root.Values.tls.mode "existing" -}}
{{- .values.tls.existingSecret -}}
{{- else -}}
{{- printf "%s-tls" (include "anomal.name" .) -}}
{{- end -}}
{{- end }}

{{- define "anomal.tls.ownCaSecret" -}}
{{- printf "%s-ca" (include "anomal.fullname" .) -}}
{{- end }}

{{- /* The Secret whose ca.crt verifies all of them. A user's issuer stores it with each certificate. */}}
{{- define "anomal.tls.caSecret" -}}
{{- if .Values.tls.caSecret -}}
{{- .Values.tls.caSecret -}}
{{- else if and (eq .Values.tls.mode "certManager") .Values.tls.certManager.issuerRef.name -}}
{{- $engine := include "anomal.engines" . | fromJsonArray | first -}}
{{- printf "%s-tls" (include "anomal.name" (set $engine "root" .)) -}}
{{- else -}}
{{- include "anomal.tls.ownCaSecret" . -}}
{{- end -}}
{{- end }}

{{- /* The names of an engine's Services, and for headless ones also those of single pods. */}}
{{- define "anomal.tls.names" -}}
{{- $root := .root -}}
{{- $services := list (include "anomal.name" .) -}}
{{- if eq .key "report" -}}
{{- $services = append $services (include "anomal.report.webName" .) -}}
{{- end -}}
{{- $names := list -}}
{{- range $service := $services -}}
{{- $inNamespace := printf "%s.%s" $service $root.Release.Namespace -}}
{{- $full := printf "%s.svc.%s" $inNamespace $root.Values.clusterDomain -}}
{{- $names = concat $names (list $service $inNamespace (printf "%s.svc" $inNamespace) $full) -}}
{{- end -}}
{{- $own := include "anomal.host" . -}}
{{- $names = concat $names (list (printf "*.%s" $own) (printf "*.%s.%s" $own $root.Values.clusterDomain)) -}}
{{- /* For port forwarding. */}}
{{- if and (eq .key "report") (include "anomal.report.webTls" $root) -}}
{{- $names = append $names "localhost" -}}
{{- end -}}
{{- $names | toJson -}}
{{- end }}
