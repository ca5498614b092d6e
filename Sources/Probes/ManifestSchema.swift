/// The JSON Schema of a manifest, for editors. Tests hold it to the keys that the reader knows and to every manifest that ships; what one
/// thing in a manifest has to do with another, and what SQL may say, only lint knows.
public enum ManifestSchema {
    /// Draft 2020-12, as one JSON document.
    public static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "A probe of Rollcall (probe.yaml)",
          "type": "object",
          "required": ["id", "title"],
          "oneOf": [{"required": ["impact", "run"]}, {"required": ["impact", "read"]}, {"required": ["ask"]}],
          "additionalProperties": false,
          "properties": {
            "id": {"$ref": "#/$defs/id", "description": "Words of a-z, 0-9 and dashes joined by dots; the folder's path"},
            "title": {"$ref": "#/$defs/text", "description": "What it tells or does"},
            "impact": {"enum": ["observe", "disturb", "change"]},
            "run": {
              "type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/$defs/scalar"},
              "description": "Absolute path of a program, then arguments; a parameter is \"{name}\", alone. No shell"
            },
            "read": {
              "description": "What the agent reads itself",
              "oneOf": [
                {"enum": ["statfs", "clock"]},
                {
                  "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                  "properties": {
                    "files": {"$ref": "#/$defs/paths", "description": "Absolute paths, * within a component"},
                    "stat": {"$ref": "#/$defs/paths", "description": "The same; nothing is opened"},
                    "resolve": {"type": "array", "minItems": 1, "maxItems": 8, "items": {"type": "string", "maxLength": 253}},
                    "connect": {
                      "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": true,
                      "description": "Numeric addresses with ports (127.0.0.1:80, [::1]:80), paths of Unix sockets; nothing is sent",
                      "items": {
                        "type": "string", "maxLength": 107, "pattern": "^(/[^*]*|([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5})$"
                      }
                    }
                  }
                }
              ]
            },
            "parameters": {
              "type": "object", "maxProperties": 16, "propertyNames": {"$ref": "#/$defs/name"},
              "additionalProperties": {
                "oneOf": [
                  {"const": "unit"},
                  {
                    "type": "object", "required": ["type"], "additionalProperties": false,
                    "properties": {
                      "type": {"enum": ["unit", "integer", "choice"]}, "min": {"type": "integer"}, "max": {"type": "integer"},
                      "of": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/$defs/scalar"}}
                    }
                  }
                ]
              }
            },
            "user": {"$ref": "#/$defs/text", "description": "Whom it runs as; nobody unless said"},
            "groups": {"$ref": "#/$defs/words"},
            "network": {"type": "boolean", "description": "Whether it may use the network"},
            "sandbox": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "local-sockets": {"type": "boolean"},
                "write": {"type": "array", "minItems": 1, "maxItems": 16, "items": {"type": "string", "pattern": "^/[^*]*$"}}
              }
            },
            "limits": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "time": {"type": "string", "pattern": "^[0-9]+ ?(ms|s|m)$"}, "output": {"type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB)$"}
              }
            },
            "exit": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 255}},
            "parse": {
              "oneOf": [
                {"const": "record"},
                {
                  "type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": false,
                  "properties": {
                    "record": {},
                    "each": {"type": "string"},
                    "json": {"type": ["object", "null"], "additionalProperties": false, "properties": {"at": {"$ref": "#/$defs/words"}}},
                    "jsonlines": {"type": ["object", "null"], "additionalProperties": false, "properties": {"match": {"type": "string"}}},
                    "lines": {
                      "type": "object", "required": ["match"], "additionalProperties": false,
                      "properties": {"match": {"type": "string"}, "skip": {"type": "string"}}
                    },
                    "pairs": {
                      "type": ["object", "null"], "additionalProperties": false,
                      "properties": {"separator": {"type": "string"}, "records": {"enum": ["one", "blank-line"]}}
                    },
                    "columns": {
                      "type": ["object", "null"], "additionalProperties": false,
                      "properties": {"skip": {"type": "integer", "minimum": 0, "maximum": 100}}
                    },
                    "certificates": {"type": "object", "maxProperties": 0},
                    "least": {"type": "integer", "minimum": 0, "maximum": 1000}
                  }
                }
              ]
            },
            "facts": {
              "type": "object", "propertyNames": {"$ref": "#/$defs/name"},
              "additionalProperties": {
                "oneOf": [
                  {"$ref": "#/$defs/factType"},
                  {
                    "type": "object", "required": ["type"], "additionalProperties": false,
                    "properties": {
                      "type": {"$ref": "#/$defs/factType"}, "scale": {"type": "number"}, "default": {"$ref": "#/$defs/scalar"},
                      "from": {
                        "oneOf": [
                          {"$ref": "#/$defs/scalar"}, {"$ref": "#/$defs/words"},
                          {
                            "type": "object", "minProperties": 1, "additionalProperties": false,
                            "properties": {"file": {"type": "string"}, "match": {"type": "string"}, "count": {"type": "string"}}
                          }
                        ]
                      }
                    }
                  }
                ]
              }
            },
            "views": {
              "type": "object", "propertyNames": {"$ref": "#/$defs/name"}, "additionalProperties": {"$ref": "#/$defs/text"},
              "description": "Queries that the rules of all probes may read like fact tables"
            },
            "findings": {
              "type": "array",
              "items": {
                "type": "object", "required": ["id", "severity", "customer", "engineer"], "additionalProperties": false,
                "oneOf": [{"required": ["when"]}, {"required": ["select"]}],
                "properties": {
                  "id": {"$ref": "#/$defs/id"},
                  "subject": {"$ref": "#/$defs/words"},
                  "when": {"$ref": "#/$defs/text", "description": "SQL condition over a row of the probe's table"},
                  "select": {"$ref": "#/$defs/text", "description": "SQL query over any tables; its rows are the findings"},
                  "severity": {"enum": ["critical", "warning", "info"]},
                  "customer": {
                    "description": "What to say: one sentence, or one for each language, en among them",
                    "oneOf": [
                      {"$ref": "#/$defs/text"},
                      {
                        "type": "object", "required": ["en"], "propertyNames": {"pattern": "^[a-z]{2,3}(-[a-z]{2})?$"},
                        "additionalProperties": {"$ref": "#/$defs/text"}
                      }
                    ]
                  },
                  "engineer": {"$ref": "#/$defs/text", "description": "The evidence; {column}, or {column|bytes}, percent, duration"},
                  "explains": {
                    "type": "object", "propertyNames": {"$ref": "#/$defs/id"}, "additionalProperties": {"$ref": "#/$defs/text"},
                    "description": "Finding to SQL condition over cause, effect and any table"
                  },
                  "remedies": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/remedy"}
                  },
                  "visit": {
                    "oneOf": [
                      {"$ref": "#/$defs/visit"},
                      {
                        "type": "object", "required": ["advice"], "additionalProperties": false,
                        "properties": {"advice": {"$ref": "#/$defs/visit"}, "parts": {"$ref": "#/$defs/words"}, "skill": {"$ref": "#/$defs/text"}}
                      }
                    ]
                  }
                }
              }
            },
            "diagnosis": {"type": "boolean", "description": "false: asked only by name"},
            "watch": {
              "type": "object", "minProperties": 1, "additionalProperties": false,
              "properties": {"subject": {"$ref": "#/$defs/words"}, "columns": {"$ref": "#/$defs/words"}}
            },
            "learn": {
              "type": "object", "additionalProperties": false,
              "properties": {
                "services": {"$ref": "#/$defs/text"}, "ports": {"$ref": "#/$defs/text"}, "mounts": {"$ref": "#/$defs/text"},
                "usb": {"$ref": "#/$defs/text"}, "interfaces": {"$ref": "#/$defs/text"}, "packages": {"$ref": "#/$defs/text"},
                "serial": {"$ref": "#/$defs/text"}
              }
            },
            "ask": {
              "type": "object", "minProperties": 1, "maxProperties": 32, "propertyNames": {"$ref": "#/$defs/name"},
              "description": "Questions that the caller is asked",
              "additionalProperties": {
                "type": "object", "required": ["question", "type"], "additionalProperties": false,
                "properties": {
                  "question": {"$ref": "#/$defs/text"}, "type": {"enum": ["yes-no", "choice", "integer", "number", "text"]},
                  "of": {"type": "array", "minItems": 2, "maxItems": 9, "items": {"$ref": "#/$defs/scalar"}},
                  "min": {"type": "number"}, "max": {"type": "number"}, "unit": {"type": "string"}, "if": {"$ref": "#/$defs/text"}
                }
              }
            },
            "models": {"$ref": "#/$defs/words"},
            "in-use": {
              "type": "array", "description": "When a remedy of impact disturb or change asks first",
              "items": {
                "type": "object", "required": ["probe", "says"], "additionalProperties": false,
                "oneOf": [{"required": ["when"]}, {"required": ["select"]}],
                "properties": {
                  "probe": {"$ref": "#/$defs/id"}, "when": {"$ref": "#/$defs/text"}, "select": {"$ref": "#/$defs/text"},
                  "says": {"$ref": "#/$defs/text"}
                }
              }
            },
            "undo": {
              "description": "What takes it back",
              "oneOf": [
                {"$ref": "#/$defs/id"},
                {
                  "type": "object", "required": ["probe"], "additionalProperties": false,
                  "properties": {
                    "probe": {"$ref": "#/$defs/id"}, "with": {"type": "object", "additionalProperties": {"$ref": "#/$defs/scalar"}},
                    "if": {
                      "type": "array", "minItems": 1, "description": "The states before, one of which it leads back to",
                      "items": {
                        "type": "object", "required": ["probe"], "additionalProperties": false,
                        "oneOf": [{"required": ["when"]}, {"required": ["select"]}],
                        "properties": {
                          "probe": {"$ref": "#/$defs/id"}, "when": {"$ref": "#/$defs/text"}, "select": {"$ref": "#/$defs/text"}
                        }
                      }
                    }
                  }
                }
              ]
            }
          },
          "$defs": {
            "id": {"type": "string", "maxLength": 64, "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?(\\.[a-z]([a-z0-9-]*[a-z0-9])?)*$"},
            "name": {"type": "string", "maxLength": 64, "pattern": "^[a-z][a-z0-9_]*$"},
            "text": {"type": "string", "minLength": 1},
            "scalar": {"type": ["string", "number", "boolean"]},
            "words": {"type": "array", "items": {"$ref": "#/$defs/scalar"}},
            "paths": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"type": "string", "pattern": "^/", "maxLength": 1024}},
            "remedy": {
              "oneOf": [
                {"$ref": "#/$defs/id"},
                {
                  "type": "object", "required": ["probe"], "additionalProperties": false,
                  "properties": {
                    "probe": {"$ref": "#/$defs/id"}, "with": {"type": "object", "additionalProperties": {"$ref": "#/$defs/scalar"}}
                  }
                }
              ]
            },
            "factType": {"enum": ["text", "int", "real"]},
            "visit": {"enum": ["none", "if-remedies-fail", "advised"]}
          }
        }
        """#
}
