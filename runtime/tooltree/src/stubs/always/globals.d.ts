// What scripts have without importing it, and the modules that are there besides tools.

/** A tool refused or failed. `message` is the tool's own. */
declare class ToolError extends Error {
  constructor(message?: string, kind?: string, data?: any, tool?: string);
  /** Which rule or party refused. */
  kind: string;
  /** Whatever else the tool answered. */
  data: any;
  /** The name that was called. */
  tool: string | undefined;
}

/** Calls any tool by its full name, `namespace.tool`. */
declare function callTool(name: string, args?: { readonly [name: string]: unknown }): Promise<any>;

declare const tools: {
  /** The tools that fit a query best. */
  search(query?: string, limit?: number): Promise<{ name: string; description: string }[]>;
  /** Signatures and schemas of tools, by full name or by function. */
  describe(
    ...names: (string | Function | readonly (string | Function)[])[]
  ): Promise<{ name: string; description: string; signature: string; input: any; output?: any }[]>;
  /** The names of all namespaces. */
  namespaces(): Promise<string[]>;
};

/** Tells whoever watches how far the script is: a message, and `done` of `total`. */
declare function progress(message?: unknown, done?: number | null, total?: number | null): void;

/** Hands out an image: bytes, base64 text, a data URL, or what a tool answered. */
declare function image(data: string | ArrayBuffer | ArrayBufferView | object, mediaType?: string): void;

/** Hands out a text as a document of its own, beside what the script prints. */
declare function text(content: unknown, mediaType?: string): void;

/** Files of mounts. Errors have node's codes: `ENOENT`, `EPERM`. */
declare const files: {
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array<ArrayBuffer>>;
  writeText(path: string, text: unknown): Promise<void>;
  writeBytes(path: string, bytes: string | ArrayBuffer | ArrayBufferView): Promise<void>;
  /** Adds text or bytes to the end of a file. */
  append(path: string, content: string | ArrayBuffer | ArrayBufferView): Promise<void>;
  /** The names in a directory, sorted. */
  list(path?: string): Promise<string[]>;
  stat(path: string): Promise<{ type: string; size: number; modified: Date | undefined }>;
  exists(path: string): Promise<boolean>;
  mkdir(path: string, options?: { recursive?: boolean }): Promise<void>;
  remove(path: string, options?: { recursive?: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
};

/** Standard input of the run. */
declare const stdin: AsyncIterable<string> & {
  /** All that is left of it. */
  text(): Promise<string>;
  /** `await` gives all lines; `for await` gives them one by one. */
  lines(): AsyncIterable<string> & PromiseLike<string[]>;
};

declare const process: {
  argv: string[];
  env: { [name: string]: string | undefined };
  exitCode: number | string | undefined;
  readonly platform: string;
  readonly arch: string;
  readonly stdout: ProcessStream;
  readonly stderr: ProcessStream;
  exit(code?: number | string): never;
  cwd(): string;
  nextTick(callback: (...args: any[]) => unknown, ...args: any[]): void;
  uptime(): number;
  hrtime: ((since?: [number, number]) => [number, number]) & { bigint(): bigint };
};

interface ProcessStream {
  readonly fd: number;
  readonly isTTY: boolean;
  readonly writable: boolean;
  write(chunk: string | ArrayBuffer | ArrayBufferView, done?: () => void): boolean;
  write(chunk: string | ArrayBuffer | ArrayBufferView, encoding: string, done?: () => void): boolean;
}

declare module 'wxmcp' {
  const _callTool: typeof callTool;
  const _image: typeof image;
  const _progress: typeof progress;
  const _text: typeof text;
  const _tools: typeof tools;
  const _ToolError: typeof ToolError;
  type _ToolError = ToolError;
  const mcp: { readonly callTool: typeof callTool };
  /** For tool files. */
  const createTool: any;
  function sql(connection?: string): any;
  function directory(name?: string): any;
  export {
    _ToolError as ToolError,
    _callTool as callTool,
    _image as image,
    _progress as progress,
    _text as text,
    _tools as tools,
    createTool,
    directory,
    mcp,
    sql,
  };
}

declare module '@anthropic/mcp-tools' {
  export * from 'wxmcp';
}

declare module '@anthropic/sandbox-runtime' {
  export * from 'wxmcp';
}

declare module 'zod';
declare module 'zod/v4';
