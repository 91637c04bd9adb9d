/**
 * The files of the monitoring specification, letter for letter: what it promises works exactly as written.
 * A test compares them with the specification's own text.
 *
 * @module
 */

/** The Prometheus scrape configuration. */
export const SCRAPE_CONFIG = `scrape_configs:
  - job_name: 'wraith'
    static_configs:
      - targets: ['localhost:9090']
    scrape_interval: 15s
    scrape_timeout: 10s
`;

/** The Grafana dashboard, in the envelope of the HTTP API. */
export const DASHBOARD = `{
  "dashboard": {
    "title": "WRAITH Protocol",
    "panels": [
      {
        "title": "Active Sessions",
        "targets": [
          {
            "expr": "wraith_sessions_active"
          }
        ],
        "type": "graph"
      },
      {
        "title": "Transfer Throughput",
        "targets": [
          {
            "expr": "rate(wraith_bytes_sent_total[5m]) * 8"
          },
          {
            "expr": "rate(wraith_bytes_received_total[5m]) * 8"
          }
        ],
        "type": "graph"
      }
    ]
  }
}
`;

/** The Logstash pipeline. */
export const LOGSTASH = `input {
  file {
    path => "/var/log/wraith/wraith.log"
    codec => json
  }
}

filter {
  if [level] == "error" {
    mutate {
      add_tag => ["alert"]
    }
  }
}

output {
  elasticsearch {
    hosts => ["localhost:9200"]
    index => "wraith-%{+YYYY.MM.dd}"
  }
}
`;

/** The Kibana query. */
export const KIBANA_QUERY = `level:error AND fields.error_type:network
`;

/** The container probes. */
export const KUBERNETES_PROBES = `livenessProbe:
  exec:
    command:
      - /usr/local/bin/wraith-healthcheck
  initialDelaySeconds: 30
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3

readinessProbe:
  exec:
    command:
      - /usr/local/bin/wraith-readiness
  initialDelaySeconds: 10
  periodSeconds: 5
  timeoutSeconds: 3
`;

/** The alert rules, without the one of the security chapter. */
export const ALERT_RULES_TEXT = `groups:
  - name: wraith
    interval: 30s
    rules:
      - alert: WraithDown
        expr: up{job="wraith"} == 0
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: "WRAITH node down"
          description: "WRAITH node {{ $labels.instance }} is down"

      - alert: HighErrorRate
        expr: rate(wraith_errors_total[5m]) > 10
        for: 5m
        labels:
          severity: warning
        annotations:
          summary: "High error rate detected"

      - alert: LowThroughput
        expr: rate(wraith_bytes_sent_total[5m]) < 1000000
        for: 10m
        labels:
          severity: warning
        annotations:
          summary: "Transfer throughput below 1 MB/s"

      - alert: MemoryExhaustion
        expr: wraith_memory_usage_bytes > 1000000000
        for: 5m
        labels:
          severity: critical
        annotations:
          summary: "Memory usage exceeds 1 GB"
`;

/** The alert of the security chapter: one list item, no rule file by itself. */
export const SUSPICIOUS_HANDSHAKES = `- alert: SuspiciousHandshakes
  expr: rate(wraith_sessions_total{result="failure"}[1m]) > 50
  for: 2m
  labels:
    severity: warning
  annotations:
    summary: "High handshake failure rate (potential attack)"
`;

/** The Alertmanager receivers. */
export const PAGERDUTY_RECEIVERS = `receivers:
  - name: 'pagerduty'
    pagerduty_configs:
      - service_key: '<YOUR_SERVICE_KEY>'
        description: '{{ .GroupLabels.alertname }}'
`;

/** The liveness script. */
export const LIVENESS_SCRIPT = `#!/bin/bash
# /usr/local/bin/wraith-healthcheck

# Check if process running
if ! pgrep -f wraith-cli >/dev/null; then
    echo "CRITICAL: WRAITH process not running"
    exit 2
fi

# Check if port listening
if ! ss -lun | grep -q ":41641"; then
    echo "CRITICAL: Port 41641 not listening"
    exit 2
fi

echo "OK: WRAITH healthy"
exit 0
`;

/** The readiness script. */
export const READINESS_SCRIPT = `#!/bin/bash
# Check DHT connectivity

DHT_PEERS=$(wraith-cli dht peers | wc -l)

if [ "$DHT_PEERS" -lt 3 ]; then
    echo "WARNING: Insufficient DHT peers ($DHT_PEERS)"
    exit 1
fi

echo "OK: DHT ready ($DHT_PEERS peers)"
exit 0
`;
