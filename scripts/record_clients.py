"""Record what only clients of one provider show: OpenInference's packages for Cohere, Bedrock and Vertex AI.

As ``record_dialects.py``: ``.matrix/<library>/bin/python scripts/record_clients.py cohere|bedrock|vertexai --url URL``
in the environments of ``scripts/matrix.py``; writes ``sample_traces/openinference/<case>/request.json``.
"""

from __future__ import annotations

import argparse

from recorder import QUESTION, TOOL, Recorder

ASK = f"{QUESTION} [[fake: cached=8, reasoning=4]]"


def cohere(recorder: Recorder) -> None:
    import cohere as sdk
    from openinference.instrumentation.cohere import CohereInstrumentor

    CohereInstrumentor().instrument(tracer_provider=recorder.provider)
    client = sdk.ClientV2(api_key="none", base_url=f"{recorder.url}/cohere")
    user = [{"role": "user", "content": ASK}]
    recorder.case("cohere_stream", lambda: list(client.chat_stream(model="command-a-03-2025", messages=user)))
    recorder.case("cohere_tool", lambda: client.chat(model="command-a-03-2025", messages=user, tools=[TOOL]))
    recorder.case(
        "cohere_embeddings",
        lambda: client.embed(
            model="embed-v4.0", texts=["one"], input_type="search_document", embedding_types=["float"]
        ),
    )


def bedrock(recorder: Recorder) -> None:
    import boto3
    from openinference.instrumentation.bedrock import BedrockInstrumentor

    BedrockInstrumentor().instrument(tracer_provider=recorder.provider)
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    client = boto3.client("bedrock-runtime", endpoint_url=recorder.url, region_name="us-east-1", **keys)
    user = [{"role": "user", "content": [{"text": ASK}]}]
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    recorder.case(
        "bedrock_converse_stream", lambda: list(client.converse_stream(modelId=model, messages=user)["stream"])
    )


def vertexai(recorder: Recorder) -> None:
    import vertexai as sdk
    from google.auth.credentials import AnonymousCredentials
    from openinference.instrumentation.vertexai import VertexAIInstrumentor
    from vertexai.generative_models import GenerativeModel

    VertexAIInstrumentor().instrument(tracer_provider=recorder.provider)
    here = {"project": "sample", "location": "us-central1", "api_endpoint": recorder.url, "api_transport": "rest"}
    sdk.init(credentials=AnonymousCredentials(), **here)
    recorder.case("vertexai_thoughts", lambda: GenerativeModel("gemini-2.5-flash").generate_content(ASK))


RECORDERS = {"cohere": cohere, "bedrock": bedrock, "vertexai": vertexai}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=sorted(RECORDERS))
    parser.add_argument("--url", required=True, help="address of the fake provider")
    options = parser.parse_args()
    recorder = Recorder("openinference", options.url)
    recorder.install()
    RECORDERS[options.client](recorder)


if __name__ == "__main__":
    main()
