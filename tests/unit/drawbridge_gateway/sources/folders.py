"""The files of a folder in which nothing is wrong, for tests to vary."""

POOL = """
apiVersion: drawbridge.dev/v1alpha1
kind: InferencePool
metadata: {name: coder}
spec:
  model: {source: {type: PersistentVolumeClaim, persistentVolumeClaim: {claimName: weights}}}
"""
POLICY = """
apiVersion: drawbridge.dev/v1alpha1
kind: RoutingPolicy
metadata: {name: default}
spec:
  models: [auto, coder]
  clouds:
  - name: gpt
    provider: OpenAI
    model: gpt-4o-mini
    caBundleRef: {name: cloud-ca}
    secretKeyRef: {name: keys, key: openai}
  routes:
  - {name: rest, backends: [{type: Pool, name: coder}], fallback: {backends: [{type: Cloud, name: gpt}]}}
"""
CA = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cloud-ca}
data: {ca.crt: PEM}
"""
KEYS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: drawbridge-keys, labels: {drawbridge.dev/keys: "true"}}
data:
  abcdefghijklmnop: '{"digest": "%s", "name": "ci", "created": "2026-11-22T15:00:00Z"}'
""" % ("0" * 64)
ENDPOINTS = """
pools: {coder: {addresses: ["127.0.0.1:8000", "[::1]:8001", "engine.local:8002"]}}
secrets: {keys: {openai: {env: OPENAI_KEY}}}
"""
WHOLE = {"a.yaml": POOL, "b.yaml": POLICY, "c.yaml": CA + "---" + KEYS, "endpoints.yaml": ENDPOINTS}
