// The clients of two vendors of models, whose interfaces are hosts as others are.
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';

const [base, nobody] = process.argv.slice(2);
const messages = [{ role: 'user', content: 'hi' }];

const openai = new OpenAI({ apiKey: 'k', baseURL: `${base}/v1`, maxRetries: 0 });
console.log((await openai.chat.completions.create({ model: 'm', messages })).choices[0].message.content);
for await (const part of await openai.chat.completions.create({ model: 'm', messages, stream: true })) console.log(part.choices[0].delta.content);
console.log((await openai.files.create({ file: await toFile(Buffer.from('abc'), 'a.txt'), purpose: 'assistants' })).filename);
await new OpenAI({ apiKey: 'k', maxRetries: 0 }).chat.completions.create({ model: 'm', messages }).catch((error) => console.log(error.constructor.name, error.cause.message));

const anthropic = new Anthropic({ apiKey: 'k', baseURL: base, maxRetries: 0 });
const wanted = { model: 'm', max_tokens: 9, messages };
console.log((await anthropic.messages.create(wanted)).content[0].text);
const stream = anthropic.messages.stream(wanted).on('text', (text) => console.log(text));
console.log((await stream.finalMessage()).content[0].text);
await new Anthropic({ apiKey: 'k', maxRetries: 0 }).messages.create(wanted).catch((error) => console.log(error.constructor.name, error.cause.message));
