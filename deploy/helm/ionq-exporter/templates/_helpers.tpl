{{- define "ionq-exporter.fullname" -}}
{{- if contains "ionq-exporter" .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-ionq-exporter" .Release.Name | trunc 63 -}}
{{- end -}}
{{- end }}

{{- define "ionq-exporter.selectorLabels" -}}
app.kubernetes.io/name: ionq-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ionq-simulator.selectorLabels" -}}
app.kubernetes.io/name: ionq-simulator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ionq-exporter.chartLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "ionq-exporter.metadata" -}}
name: {{ include "ionq-exporter.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "ionq-exporter.selectorLabels" . | nindent 2 }}
  {{- include "ionq-exporter.chartLabels" . | nindent 2 }}
{{- end }}

{{- define "ionq-exporter.operatorMetadata" -}}
{{- include "ionq-exporter.metadata" . }}
  {{- with .Values.operatorLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* What the pods of the exporter and of the simulator share. */ -}}
{{- define "ionq-exporter.pod" -}}
automountServiceAccountToken: false
# Variables like IONQ_EXPORTER_PORT would stand among those that configure the exporter.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if not .Values.openshift }}
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- range $name, $value := dict "imagePullSecrets" .Values.image.pullSecrets "nodeSelector" .Values.nodeSelector "tolerations" .Values.tolerations "affinity" .Values.affinity }}
{{- with $value }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ionq-exporter.container" -}}
image: {{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
imagePullPolicy: IfNotPresent
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- /* With a web configuration, the image's own health check: it finds out whether there is TLS, and needs no client
       certificate. */ -}}
{{- define "ionq-exporter.probe" -}}
{{- if .values.webConfigSecret -}}
exec:
  command: [/opt/ionq-exporter/bin/python, -m, exporter.healthcheck]
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
{{- end -}}
{{- end }}
