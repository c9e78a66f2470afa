# ruff: noqa: E402
import spanloft

spanloft.instrument()

import vertexai
from google.auth.credentials import AnonymousCredentials
from support import DESCRIPTION, FAILING, PARAMETERS, QUESTION, SYSTEM, URL, case, drain
from vertexai.generative_models import FunctionDeclaration, GenerativeModel, Tool

vertexai.init(
    project="matrix",
    location="us-central1",
    api_endpoint=URL,
    api_transport="rest",
    credentials=AnonymousCredentials(),
)
model = GenerativeModel("gemini-2.5-flash", system_instruction=SYSTEM)
TOOL = Tool([FunctionDeclaration(name="get_order", description=DESCRIPTION, parameters=PARAMETERS)])

case("chat", lambda: model.generate_content(QUESTION))
case("stream", lambda: drain(model.generate_content(QUESTION, stream=True)))
case("tool", lambda: model.generate_content(QUESTION, tools=[TOOL]))
case("error", lambda: model.generate_content(FAILING))
