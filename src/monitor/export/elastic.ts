/**
 * Files for Elasticsearch, Logstash and Kibana.
 *
 * @module
 */

import type { ExportContext, ExportTopic } from "./artifact.ts";
import { KIBANA_QUERY, LOGSTASH } from "./specification.ts";

export const logstashTopic: ExportTopic = {
  what: "logstash",
  summary: "Logstash and Elasticsearch: reading the log",
  artifacts: (context) => [
    { file: "wraith.conf", about: "a pipeline with the line's own time and TLS", text: pipeline(context) },
    {
      file: "wraith-index-template.json",
      about: "for PUT _index_template/wraith: one type for each field",
      text: `${JSON.stringify(indexTemplate(context), null, 2)}\n`,
    },
    {
      file: "wraith-specification.conf",
      about: "the specification's pipeline, as written",
      text: LOGSTASH,
    },
  ],
};

export const kibanaTopic: ExportTopic = {
  what: "kibana",
  summary: "Kibana: the query and its saved search",
  artifacts: () => [
    { file: "wraith.kql", about: "the specification's query, as written", text: KIBANA_QUERY },
    {
      file: "wraith-kibana.ndjson",
      about: "data view and saved searches, for Stack Management > Saved Objects > Import",
      text: savedObjects().map((object) => `${JSON.stringify(object)}\n`).join(""),
    },
  ],
};

function pipeline({ config }: ExportContext): string {
  const path = config.logging.output.startsWith("/") ? config.logging.output : "/var/log/wraith/wraith.log";
  return `# Reads the log of a WRAITH node (logging.format = "json") into daily indices.
# PUT wraith-index-template.json to _index_template/wraith first.

input {
  file {
    path => "${path}"
    codec => json
    # Read what was there before Logstash, and remember where it stopped; rotated files are finished first.
    start_position => "beginning"
    sincedb_path => "/var/lib/logstash/wraith.sincedb"
    file_completed_action => "log"
    file_completed_log_path => "/var/lib/logstash/wraith.completed"
  }
}

filter {
  # The time of the line, not of its reading: @timestamp also chooses the index.
  date {
    match => ["timestamp", "ISO8601"]
    timezone => "UTC"
  }

  if [level] == "error" {
    mutate {
      add_tag => ["alert"]
    }
  }
}

output {
  elasticsearch {
    # Elasticsearch 8 wants TLS and a key; set both in Logstash's keystore or environment.
    hosts => ["\${ELASTICSEARCH_URL:https://localhost:9200}"]
    api_key => "\${ELASTICSEARCH_API_KEY}"
    ssl_certificate_authorities => ["/etc/logstash/elasticsearch-ca.pem"]
    index => "wraith-%{+YYYY.MM.dd}"
  }
}
`;
}

function indexTemplate({ logFields }: ExportContext): unknown {
  const types = { string: KEYWORD, strings: KEYWORD, number: { type: "double" } };
  const fields = Object.entries(logFields).map(([key, type]) => [key, types[type]]);
  return {
    index_patterns: ["wraith-*"],
    priority: 200,
    template: {
      settings: { number_of_shards: 1, "index.mapping.total_fields.limit": 200 },
      mappings: {
        // A key that this version does not know stays in the document and is not indexed.
        dynamic: false,
        properties: {
          "@timestamp": { type: "date" },
          timestamp: { type: "date" },
          level: { type: "keyword" },
          message: { type: "text", fields: { keyword: KEYWORD } },
          tags: { type: "keyword" },
          host: { properties: { name: KEYWORD } },
          fields: { properties: Object.fromEntries(fields) },
        },
      },
    },
  };
}

function savedObjects(): unknown[] {
  const dataView = {
    id: "wraith-logs",
    type: "index-pattern",
    attributes: { title: "wraith-*", name: "WRAITH logs", timeFieldName: "@timestamp" },
    references: [],
  };
  return [
    dataView,
    savedSearch("wraith-network-errors", "WRAITH network errors", KIBANA_QUERY.trim()),
    savedSearch("wraith-security", "WRAITH security", 'fields.detector:* OR message:"Authentication failed"'),
    savedSearch("wraith-transfers", "WRAITH transfers", "fields.transfer_id:*"),
  ];
}

function savedSearch(id: string, title: string, query: string): unknown {
  const source = {
    query: { query, language: "kuery" },
    filter: [],
    indexRefName: "kibanaSavedObjectMeta.searchSourceJSON.index",
  };
  return {
    id,
    type: "search",
    attributes: {
      title,
      columns: ["level", "message", "fields.peer_id", "fields.remote_addr", "fields.reason"],
      sort: [["@timestamp", "desc"]],
      kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(source) },
    },
    references: [{
      name: "kibanaSavedObjectMeta.searchSourceJSON.index",
      type: "index-pattern",
      id: "wraith-logs",
    }],
  };
}

const KEYWORD = { type: "keyword", ignore_above: 1024 };
