# ruff: noqa: E402
import spanloft

spanloft.instrument()

import dspy
from support import FAILING, QUESTION, URL, case, case_async

model = dspy.LM("openai/gpt-4o", api_base=f"{URL}/v1", api_key="none", num_retries=0, cache=False)
dspy.configure(lm=model)
predict = dspy.Predict("question -> answer")


def reply(text: str) -> dict[str, str]:
    return {"question": text}


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
