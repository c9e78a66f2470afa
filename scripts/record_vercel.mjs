// Records sample traces of the Vercel AI SDK against the fake provider. In a folder with `npm install ai
// @ai-sdk/openai zod @opentelemetry/api @opentelemetry/sdk-trace-node @opentelemetry/otlp-transformer
// @opentelemetry/resources`: `node record_vercel.mjs http://127.0.0.1:PORT OUTPUT_FOLDER`.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOpenAI } from "@ai-sdk/openai";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { embed, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [url, folder] = process.argv.slice(2);
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "sample-app", "service.version": "1.0" }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
provider.register();

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const headers = { "x-fake-case": "cached=8, reasoning=4", "x-fake-reply": "Paris." };
const question = "What is the capital of France?";
const experimental_telemetry = {
  isEnabled: true,
  functionId: "ask",
  metadata: { userId: "u-1", sessionId: "s-1", tags: ["a", "b"] },
};
const getWeather = tool({
  description: "Weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});

async function record(name, call) {
  try {
    await call();
  } catch (error) {
    console.error(name, String(error).slice(0, 200));
  }
  await provider.forceFlush();
  const request = JSON.parse(new TextDecoder().decode(JsonTraceSerializer.serializeRequest(exporter.getFinishedSpans())));
  exporter.reset();
  const text = JSON.stringify(request, null, 1).replaceAll(/(?:file:\/\/)?\/[\w./@-]*node_modules/g, "node_modules");
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "request.json"), text.replaceAll(/\/tmp\/[\w./-]*/g, "...") + "\n");
}

await record("generate_text", () =>
  generateText({
    model: openai.chat("gpt-4o"),
    system: "You are terse.",
    prompt: question,
    temperature: 0.2,
    maxOutputTokens: 50,
    headers,
    experimental_telemetry,
  }),
);
await record("tools", () =>
  generateText({
    model: openai.chat("gpt-4o"),
    prompt: question,
    tools: { getWeather },
    stopWhen: stepCountIs(3),
    experimental_telemetry,
  }),
);
await record("stream_text", async () => {
  const result = streamText({ model: openai.chat("gpt-4o"), prompt: question, headers, experimental_telemetry });
  for await (const _ of result.textStream);
});
await record("responses_image", () =>
  generateText({
    model: openai("gpt-4o"),
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: question },
          { type: "image", image: new URL("https://example.com/cat.png") },
        ],
      },
    ],
    experimental_telemetry,
  }),
);
await record("generate_object", () =>
  generateObject({
    model: openai.chat("gpt-4o"),
    schema: z.object({ city: z.string() }),
    prompt: question,
    headers: { "x-fake-reply": encodeURIComponent('{"city": "Paris"}') },
    experimental_telemetry,
  }),
);
await record("embed", () =>
  embed({
    model: openai.embedding("text-embedding-3-small"),
    value: "one",
    providerOptions: { openai: { dimensions: 4 } },
    experimental_telemetry,
  }),
);
await record("embed_many", () =>
  embedMany({
    model: openai.embedding("text-embedding-3-small"),
    values: ["one", "two"],
    providerOptions: { openai: { dimensions: 4 } },
    experimental_telemetry,
  }),
);
await record("rate_limit", () =>
  generateText({
    model: openai.chat("gpt-4o"),
    prompt: question,
    maxRetries: 0,
    headers: { "x-fake-case": "429" },
    experimental_telemetry,
  }),
);
