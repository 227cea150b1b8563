{{- /* Names and labels. A "component" is a dict of `anomal.components` with the root context beside it. */}}

{{- /* What all names begin with. At 40 characters the longest Service's name still fits. */}}
{{- define "anomal.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $own := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $own .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- /* A component's objects. */}}
{{- define "anomal.name" -}}
{{- printf "%s-%s" (include "anomal.fullname" .root) .name -}}
{{- end }}

{{- /* Objects of no namespace: releases of one name in two namespaces must not share them. */}}
{{- define "anomal.clusterName" -}}
{{- printf "%s-%s" .root.Release.Namespace (include "anomal.name" .) -}}
{{- end }}

{{- define "anomal.serviceAccountName" -}}
{{- $default := .values.serviceAccount.create | ternary (include "anomal.name" .) "default" -}}
{{- default $default .values.serviceAccount.name -}}
{{- end }}

{{- /* What never changes: selectors are immutable. */}}
{{- define "anomal.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- /* Of pods: without the chart's version, which alone is no reason to restart them. */}}
{{- define "anomal.podLabels" -}}
{{ include "anomal.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: anomal
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "anomal.labels" -}}
{{ include "anomal.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}
