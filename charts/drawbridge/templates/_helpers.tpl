{{/*
Names are fixed, not derived from the release: an operator acts on the whole cluster, so a second release is refused
by helm when it meets the first one's cluster roles; and tenants can grant rights to "drawbridge-bridge" by name.
*/}}

{{/* Labels that select the pods of one component: never changed, a Deployment's selector is immutable. */}}
{{- define "drawbridge.selector" -}}
app.kubernetes.io/name: drawbridge
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "drawbridge.labels" -}}
{{ include "drawbridge.selector" . }}
app.kubernetes.io/part-of: drawbridge
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
{{- end }}

{{/* An image reference, with image.registry in front unless it names a registry itself. */}}
{{- define "drawbridge.image" -}}
{{- $host := regexFind "^[^/]+/" .reference -}}
{{- if or (contains "." $host) (contains ":" $host) (eq $host "localhost/") -}}
{{ .reference }}
{{- else -}}
{{ list .root.Values.image.registry .reference | compact | join "/" }}
{{- end -}}
{{- end }}

{{/* One of Drawbridge's own: the tag is image.tag unless it names one itself; docker.io is not assumed. */}}
{{- define "drawbridge.ownImage" -}}
{{- $tag := .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- $reference := regexMatch "[:@][^/]+$" .reference | ternary .reference (printf "%s:%s" .reference $tag) -}}
{{- $image := include "drawbridge.image" (dict "root" .root "reference" $reference) -}}
{{- if and (eq $image $reference) (hasPrefix "drawbridge/" $image) -}}
{{- fail "image.registry is not set: name the registry that holds Drawbridge's images, such as --set image.registry=registry.example.com" -}}
{{- end -}}
{{ $image }}
{{- end }}

{{/* What every pod of ours has in common. The restricted Pod Security level asks for most of it. */}}
{{- define "drawbridge.podSpec" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "drawbridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Replicas apart from each other where the cluster has room; those of one revision, so that a rollout is not blocked. */}}
{{- define "drawbridge.spread" -}}
{{- range $i, $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- if $i }}{{ "\n" }}{{ end -}}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- include "drawbridge.selector" $ | nindent 6 }}
{{- end }}
{{- end }}

{{/*
Cluster DNS by port alone: its pods wear other labels on each distribution. 5353 is where some of them listen, and a
policy sees the port behind the Service. 169.254.20.10 is NodeLocal DNSCache. No name server outside can be asked.
*/}}
{{- define "drawbridge.dnsEgress" -}}
- to:
  - namespaceSelector: {}
  - ipBlock: {cidr: 169.254.20.10/32}
  ports:
  - {protocol: UDP, port: 53}
  - {protocol: TCP, port: 53}
  - {protocol: UDP, port: 5353}
  - {protocol: TCP, port: 5353}
{{- end }}

{{/*
The JSON of a label selector without its empty fields, as the API server stores it: {} where it selects everything.
*/}}
{{- define "drawbridge.storedSelector" -}}
{{- $stored := dict -}}
{{- with .matchLabels }}{{ $_ := set $stored "matchLabels" . }}{{ end -}}
{{- range .matchExpressions -}}
{{- $expression := empty .values | ternary (omit . "values") . -}}
{{- $_ := set $stored "matchExpressions" (append ($stored.matchExpressions | default list) $expression) -}}
{{- end -}}
{{ $stored | toJson }}
{{- end }}

{{/* Who may scrape, as the JSON of one NetworkPolicy peer; empty for nobody. */}}
{{- define "drawbridge.monitoringPeer" -}}
{{- with .Values.monitoring -}}
{{- $namespaces := include "drawbridge.storedSelector" (.namespaceSelector | default dict) | fromJson -}}
{{- $pods := include "drawbridge.storedSelector" (.podSelector | default dict) | fromJson -}}
{{- if and $namespaces $pods -}}
{{ dict "namespaceSelector" $namespaces "podSelector" $pods | toJson }}
{{- else if $namespaces -}}
{{ dict "namespaceSelector" $namespaces | toJson }}
{{- else if $pods -}}
{{- fail "monitoring.podSelector alone would mean pods of each pool's own namespace: name the scraper's in monitoring.namespaceSelector, such as {matchLabels: {kubernetes.io/metadata.name: monitoring}}" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "drawbridge.monitoringIngress" -}}
{{- with include "drawbridge.monitoringPeer" . -}}
- from: [{{ . }}]
  ports: [{protocol: TCP, port: 9090}]
{{- end }}
{{- end }}

{{- define "drawbridge.rootKeySecret" -}}
{{ .Values.existingSecrets.rootKey | default "drawbridge-root-key" }}
{{- end }}

{{- define "drawbridge.bridgeTokenSecret" -}}
{{ .Values.existingSecrets.bridgeToken | default "drawbridge-bridge-token" }}
{{- end }}

{{/*
The base64 content of one of our Secrets: what the cluster holds, else 32 random bytes (as base64 text, so encoded
twice). Kept in .Values for the rest of the rendering, for the Secret and the checksums must agree. Empty for a Secret
of the user's that helm cannot see.
*/}}
{{- define "drawbridge.secretData" -}}
{{- $memo := printf "rendered-%s" .key -}}
{{- if not (hasKey .root.Values $memo) -}}
{{- $live := dig "data" .key "" (lookup "v1" "Secret" .root.Release.Namespace .name) -}}
{{- if not (or $live .existing) -}}
{{- if not (lookup "v1" "Namespace" "" "kube-system") -}}
{{- fail "helm cannot see the cluster here (helm template, GitOps, --dry-run=client) and would make new secrets each time: create them once and name them in existingSecrets.rootKey and existingSecrets.bridgeToken (or use --dry-run=server)" -}}
{{- end -}}
{{- $live = randBytes 32 | b64enc -}}
{{- end -}}
{{- $_ := set .root.Values $memo $live -}}
{{- end -}}
{{- get .root.Values $memo -}}
{{- end }}

{{- define "drawbridge.rootKey" -}}
{{ include "drawbridge.secretData" (dict "root" . "key" "root-key" "name" (include "drawbridge.rootKeySecret" .) "existing" .Values.existingSecrets.rootKey) }}
{{- end }}

{{- define "drawbridge.bridgeToken" -}}
{{ include "drawbridge.secretData" (dict "root" . "key" "bridge-token" "name" (include "drawbridge.bridgeTokenSecret" .) "existing" .Values.existingSecrets.bridgeToken) }}
{{- end }}

{{/*
Pods read their secrets once, at the start: a changed one must replace them. Cut to 32 bits, which tell a change and
nothing about the secret.
*/}}
{{- define "drawbridge.checksum" -}}
{{ . | default "" | sha256sum | trunc 8 | quote }}
{{- end }}

{{/* The volume of gateway and operator: both derive engine keys and call the bridge. */}}
{{- define "drawbridge.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
    - secret:
        name: {{ include "drawbridge.rootKeySecret" . | quote }}
        items: [{key: root-key, path: root-key}]
    {{- if .Values.bridge.enabled }}
    - secret:
        name: {{ include "drawbridge.bridgeTokenSecret" . | quote }}
        items: [{key: bridge-token, path: bridge-token}]
    {{- end }}
{{- end }}
