{{- /* Names and labels. A "component" is a dict of `anomal.components` with the root context beside it. */}}

{{- /* The prefix of all names. With 40 characters, the longest name of a Service still fits. */}}
{{- define "anomal.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $own := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $own .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- /* The name of a component's objects. */}}
{{- define "anomal.name" -}}
{{- printf "%s-%s" (include "anomal.fullname" .root) .name -}}
{{- end }}

{{- /* The name of cluster-wide objects: releases of one name in two namespaces must not share them. */}}
{{- define "anomal.clusterName" -}}
{{- printf "%s-%s" .root.Release.Namespace (include "anomal.name" .) -}}
{{- end }}

{{- define "anomal.serviceAccountName" -}}
{{- $default := .values.serviceAccount.create | ternary (include "anomal.name" .) "default" -}}
{{- default $default .values.serviceAccount.name -}}
{{- end }}

{{- /* The labels of selectors, which are immutable. */}}
{{- define "anomal.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- /* The labels of pods: without the version of the chart, which must not cause a restart. */}}
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
