/**
 * Files for the machine a node runs on: systemd, logrotate, and the specification's probe scripts.
 *
 * @module
 */

import type { ExportContext, ExportTopic } from "./artifact.ts";
import { LIVENESS_SCRIPT, READINESS_SCRIPT } from "./specification.ts";

export const systemdTopic: ExportTopic = {
  what: "systemd",
  summary: "systemd: a unit with watchdog and hardening",
  artifacts: (context) => [{ file: "wraith.service", about: "the unit", text: unit(context) }],
};

export const logrotateTopic: ExportTopic = {
  what: "logrotate",
  summary: "logrotate: a stanza that loses no line",
  artifacts: (
    context,
  ) => [{ file: "wraith.logrotate", about: "for /etc/logrotate.d/wraith", text: stanza(context) }],
};

export const healthcheckTopic: ExportTopic = {
  what: "healthcheck",
  summary: "The liveness probe as a shell script",
  artifacts: (context) => [
    { file: "wraith-healthcheck", about: "asks /healthz; needs curl", text: healthcheckScript(context) },
    {
      file: "wraith-healthcheck-specification",
      about: "the specification's script, as written",
      text: LIVENESS_SCRIPT,
    },
  ],
};

export const readinessTopic: ExportTopic = {
  what: "readiness",
  summary: "The readiness probe as a shell script",
  artifacts: (context) => [
    { file: "wraith-readiness", about: "asks /readyz; needs curl", text: readinessScript(context) },
    {
      file: "wraith-readiness-specification",
      about: "the specification's script, as written",
      text: READINESS_SCRIPT,
    },
  ],
};

function unit({ config }: ExportContext): string {
  const listensLow = Number(/:(\d+)$/.exec(config.network.listen)?.[1] ?? 41641) < 1024;
  return `# Goes to /etc/systemd/system/wraith.service; then: systemctl enable --now wraith
[Unit]
Description=WRAITH peer-to-peer node
After=network-online.target
Wants=network-online.target

[Service]
# The node says when its sockets are bound, and once per half of WatchdogSec while its event loop turns.
Type=notify
NotifyAccess=main
WatchdogSec=30s
ExecStart=/usr/local/bin/wraith daemon --config /etc/wraith/config.toml
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2s
TimeoutStopSec=15s

DynamicUser=yes
StateDirectory=wraith
LogsDirectory=wraith
ConfigurationDirectory=wraith
Environment=WRAITH_NODE_DATA_DIR=/var/lib/wraith
LimitNOFILE=65536
MemoryMax=2G
${listensLow ? "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" : ""}
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
# V8 writes machine code at run time, so MemoryDenyWriteExecute cannot be set.

[Install]
WantedBy=multi-user.target
`;
}

function stanza({ config }: ExportContext): string {
  const path = config.logging.output.startsWith("/") ? config.logging.output : "/var/log/wraith/wraith.log";
  return `# Goes to /etc/logrotate.d/wraith. Set logging.max_size = "0", or two rotate at once.
${path} {
    daily
    rotate 14
    missingok
    notifempty
    # The node makes its own file; a file made here would have another owner.
    nocreate
    compress
    # Shippers may still read the newest one.
    delaycompress
    sharedscripts
    postrotate
        # Without this the node writes on to the renamed file and the new one stays empty.
        systemctl kill --kill-whom=main --signal=HUP wraith.service
    endscript
}
`;
}

function healthcheckScript(context: ExportContext): string {
  return `#!/bin/sh
# Liveness as the specification words it, from the node's own answer: sees a hung node too.
${askFunction(context)}
if ! ask /healthz; then
    case $status in
        000) echo "CRITICAL: WRAITH process not running" ;;
        *) echo "CRITICAL: WRAITH event loop stalled" ;;
    esac
    exit 2
fi

echo "OK: WRAITH healthy"
exit 0
`;
}

function readinessScript(context: ExportContext): string {
  return `#!/bin/sh
# Readiness as the specification words it, from the node's own answer: exempts bootstrap nodes.
${askFunction(context)}
ask /readyz
ready=$?
peers=$(printf '%s' "$body" | sed -n 's/.*"name":"dht_peers"[^}]*"observed":\\([0-9]*\\).*/\\1/p')

if [ "$ready" -ne 0 ]; then
    case $body in
        *'"name":"dht_peers","passing":false'*) echo "WARNING: Insufficient DHT peers (\${peers:-0})" ;;
        *) echo "WARNING: WRAITH not ready" ;;
    esac
    exit 1
fi

echo "OK: DHT ready (\${peers:-0} peers)"
exit 0
`;
}

/** Shell function \`ask PATH\`: sets \`status\` and \`body\`, succeeds on 200. */
function askFunction({ config }: ExportContext): string {
  const { prometheusPort, tlsCert } = config.monitoring;
  const url = `${tlsCert ? "https" : "http"}://127.0.0.1:${prometheusPort}`;
  return `url=\${WRAITH_MONITORING_URL:-${url}}

ask() {
    answer=$(curl --silent --max-time 3${tlsCert ? " --insecure" : ""} --write-out '\\n%{http_code}' "$url$1")
    status=\${answer##*
}
    body=\${answer%
*}
    [ "$status" = 200 ]
}
`;
}
