// `http` and `https`: requests to hosts that are granted, which the host sends. There are no servers.

import { refuses } from '../errors.js';
import { need, provide } from '../registry.js';
import { agents } from './agent.js';
import { clientRequest } from './client.js';
import { METHODS, STATUS_CODES } from './codes.js';
import { incomingMessage } from './message.js';
import { outgoingMessage, validateHeaderName, validateHeaderValue } from './outgoing.js';

const { Object, Reflect } = globalThis;

const SERVERS = 'nothing outside could reach it';

let classes;

function made() {
  const OutgoingMessage = outgoingMessage();
  const IncomingMessage = incomingMessage();
  const { Agent, SecureAgent } = agents();
  const ClientRequest = clientRequest(OutgoingMessage, IncomingMessage, () => need('http').globalAgent);
  return { OutgoingMessage, IncomingMessage, ClientRequest, Agent, SecureAgent };
}

function client(scheme) {
  classes ??= made();
  const { ClientRequest } = classes;
  const Agent = scheme === 'https' ? classes.SecureAgent : classes.Agent;
  const module = {
    request(...args) {
      if (scheme === 'http') return new ClientRequest(...args);
      // As in Node: what is told last wins, so the agent goes where options are.
      const at = args.findIndex((one) => one !== null && typeof one === 'object' && !(one instanceof globalThis.URL));
      const options = { _defaultAgent: module.globalAgent, ...args[at] };
      if (at >= 0) args[at] = options;
      else args.splice(1, 0, options);
      return Reflect.construct(ClientRequest, args);
    },
    get(...args) {
      const sent = module.request(...args);
      sent.end();
      return sent;
    },
    Agent,
    globalAgent: new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 }),
    createServer: refuses(`${scheme}.createServer`, SERVERS),
    Server: refuses(`${scheme}.Server`, SERVERS),
  };
  if (scheme === 'https') return module;
  return Object.assign(module, {
    METHODS: METHODS.split(' '),
    STATUS_CODES,
    maxHeaderSize: 16384,
    ClientRequest,
    IncomingMessage: classes.IncomingMessage,
    OutgoingMessage: classes.OutgoingMessage,
    ServerResponse: refuses('http.ServerResponse', SERVERS),
    validateHeaderName,
    validateHeaderValue,
    setMaxIdleHTTPParsers() {},
  });
}

provide('http', () => client('http'));
provide('https', () => client('https'));
