export { main } from './wxmcp-adapter/built.js';
