{{- /* Packs of jobs: what the feature engine accepts, and the trust policy, which runners have too. */}}

{{- define "anomal.packs.engineArgs" -}}
{{- with .Values.packs -}}
- --packs={{ .policy }}
- --max-packs={{ .maxPacks }}
- --pack-quota={{ int64 .quota }}
{{- if .trust }}
- --trust=/etc/anomal/packs/trust.yaml
{{- end }}
{{- end }}
{{- end }}

{{- define "anomal.packs.operatorArgs" -}}
{{- with .Values.packs -}}
- --require-pack-digest={{ .requireDigest }}
{{- if .trust }}
- --trust=/etc/anomal/packs/trust.yaml
{{- end }}
{{- end }}
{{- end }}

{{- define "anomal.packs.volumeMounts" -}}
{{- if .Values.packs.trust }}
- name: packs
  mountPath: /etc/anomal/packs
  readOnly: true
{{- end }}
{{- end }}

{{- define "anomal.packs.volumes" -}}
{{- if .Values.packs.trust }}
- name: packs
  configMap:
    name: {{ include "anomal.packs.configMap" . }}
{{- end }}
{{- end }}

{{- define "anomal.packs.configMap" -}}
{{ include "anomal.fullname" . }}-packs
{{- end }}
