-- Messages are stored once: where their attribute says the same, its text stands in the message column only, and is put
-- back into the attributes here. The bits are the positions in model.MOVABLE.
CREATE VIEW payloads AS
SELECT
    trace_id, span_id, start_time, input_messages, output_messages, system_instructions, tool_definitions,
    tool_arguments, tool_result, retrieval_query, retrieval_documents, prompt_template,
    CASE
        WHEN coalesce(attributes_moved, 0) = 0 THEN attributes
        ELSE ('{{' || concat_ws(
            ',',
            nullif(substr(attributes::VARCHAR, 2, length(attributes::VARCHAR) - 2), ''),
            CASE WHEN attributes_moved & 1 > 0 THEN '"gen_ai.input.messages":' || to_json(input_messages::VARCHAR) END,
            CASE WHEN attributes_moved & 2 > 0 THEN '"gen_ai.output.messages":' || to_json(output_messages::VARCHAR) END,
            CASE WHEN attributes_moved & 4 > 0 THEN '"gen_ai.system_instructions":' || to_json(system_instructions::VARCHAR) END,
            CASE WHEN attributes_moved & 8 > 0 THEN '"gen_ai.tool.definitions":' || to_json(tool_definitions::VARCHAR) END,
            CASE WHEN attributes_moved & 16 > 0 THEN '"gen_ai.tool.call.arguments":' || to_json(tool_arguments::VARCHAR) END,
            CASE WHEN attributes_moved & 32 > 0 THEN '"gen_ai.tool.call.result":' || to_json(tool_result::VARCHAR) END,
            CASE WHEN attributes_moved & 64 > 0 THEN '"gen_ai.retrieval.documents":' || to_json(retrieval_documents::VARCHAR) END
        ) || '}}')::JSON
    END AS attributes,
    resource, events, links
{live};
