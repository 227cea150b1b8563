{{- /*
The programs of the release, the operator first. Templates range over them, and add the root context and the values of the
component:

  {{- range include "anomal.components" . | fromJsonArray }}
  {{- $_ := merge . (dict "root" $ "values" (index $.Values .key)) }}
*/}}
{{- define "anomal.components" -}}
{{- $operator := dict "key" "operator" "kind" "operator" "name" "operator" -}}
{{- include "anomal.engines" . | fromJsonArray | concat (list $operator) | toJson -}}
{{- end }}

{{- define "anomal.engines" -}}
{{- $engines := list
  (dict "key" "feature" "kind" "engine" "name" "feature-engine" "port" 7401)
  (dict "key" "classification" "kind" "engine" "name" "classification-engine" "port" 7402)
  (dict "key" "report" "kind" "engine" "name" "report-engine" "port" 7403)
-}}
{{- $enabled := list -}}
{{- range $engines -}}
{{- if (index $.Values .key).enabled -}}
{{- $enabled = append $enabled . -}}
{{- end -}}
{{- end -}}
{{- $enabled | toJson -}}
{{- end }}

{{- /* The name of the Service in the cluster, which clients resolve to the addresses of all replicas. */}}
{{- define "anomal.host" -}}
{{- printf "%s.%s.svc" (include "anomal.name" .) .root.Release.Namespace -}}
{{- end }}

{{- define "anomal.endpoint" -}}
{{- $scheme := include "anomal.tls.enabled" .root | empty | ternary "http" "https" -}}
{{- printf "%s://%s:%v" $scheme (include "anomal.host" .) .port -}}
{{- end }}

{{- /* Whether it can have more than one pod. */}}
{{- define "anomal.several" -}}
{{- if or (gt (int .values.replicas) 1) (dig "autoscaling" "enabled" false .values) }}true{{ end -}}
{{- end }}
