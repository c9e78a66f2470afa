# ruff: noqa: E402
import spanloft

spanloft.instrument()

from urllib.parse import quote

import dspy
from support import FAILING, QUESTION, URL, case, case_async

OPTIONS = {"api_base": f"{URL}/v1", "api_key": "none", "num_retries": 0, "cache": False}
model = dspy.LM("openai/gpt-4o", **OPTIONS)
REPLY = quote("[[ ## answer ## ]]\n60 days of notice.\n\n[[ ## completed ## ]]")
shaped = dspy.LM("openai/gpt-4o", extra_headers={"x-fake-reply": REPLY}, **OPTIONS)
predict = dspy.Predict("question -> answer")
dspy.configure(lm=shaped)


async def predict_async() -> None:
    await predict.acall(question=QUESTION)


case("chat", lambda: model(QUESTION))
case("predict", lambda: predict(question=QUESTION))
case("error", lambda: model(FAILING))
case_async("async", lambda: model.acall(QUESTION))
case(
    "embeddings",
    lambda: dspy.Embedder("openai/text-embedding-3-small", api_base=f"{URL}/v1", api_key="none", caching=False)(
        ["one", "two"]
    ),
)
