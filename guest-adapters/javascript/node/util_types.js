// `util.types`: what kind of builtin object something is.

import {
  brand, dateValue, functionText, isErrorObject, isView, mapSize, setSize, typedArrayName,
} from '../primordials.js';

const { ArrayBuffer, BigInt, Boolean, DataView, Function, Number, Object, Promise, RegExp, String, Symbol, WeakMap, WeakSet } = globalThis;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const tag = uncurry(Object.prototype.toString);
const bufferLength = uncurry(Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get);
const source = uncurry(Object.getOwnPropertyDescriptor(RegExp.prototype, 'source').get);
const viewLength = uncurry(Object.getOwnPropertyDescriptor(DataView.prototype, 'byteLength').get);
const then = uncurry(Promise.prototype.then);
const has = { map: uncurry(WeakMap.prototype.has), set: uncurry(WeakSet.prototype.has) };
const wrapped = {
  isNumberObject: uncurry(Number.prototype.valueOf),
  isStringObject: uncurry(String.prototype.valueOf),
  isBooleanObject: uncurry(Boolean.prototype.valueOf),
  isBigIntObject: uncurry(BigInt.prototype.valueOf),
  isSymbolObject: uncurry(Symbol.prototype.valueOf),
};

const isObject = (value) => value !== null && typeof value === 'object';
const isOf = (method) => (value) => isObject(value) && brand(method, value);
const isView8 = (name) => (value) => isView(value) && typedArrayName(value) === name;
const isFunction = (mark) => (value) => typeof value === 'function' && mark.test(functionText(value));
const hasTag = (name) => (value) => isObject(value) && tag(value) === `[object ${name}]`;

export const types = {
  isArrayBuffer: isOf(bufferLength),
  isAnyArrayBuffer: isOf(bufferLength),
  isSharedArrayBuffer: () => false,
  isArrayBufferView: (value) => isView(value),
  isTypedArray: (value) => isView(value) && typedArrayName(value) !== undefined,
  isDataView: isOf(viewLength),
  isDate: isOf(dateValue),
  isRegExp: isOf(source),
  isMap: isOf(mapSize),
  isSet: isOf(setSize),
  isWeakMap: isOf((value) => has.map(value, value)),
  isWeakSet: isOf((value) => has.set(value, value)),
  isPromise: (value) => value instanceof Promise && brand((one) => then(one, nothing, nothing), value),
  isNativeError: (value) => isErrorObject(value),
  isAsyncFunction: isFunction(/^async\b/),
  isGeneratorFunction: isFunction(/^(async\s+)?(function\s*\*|\*)/),
  isGeneratorObject: hasTag('Generator'),
  isMapIterator: hasTag('Map Iterator'),
  isSetIterator: hasTag('Set Iterator'),
  isArgumentsObject: (value) => isObject(value) && !(Symbol.toStringTag in value) && tag(value) === '[object Arguments]',
  isModuleNamespaceObject: (value) => isObject(value) && value[Symbol.toStringTag] === 'Module',
  isProxy: () => false,
  isExternal: () => false,
  isCryptoKey: hasTag('CryptoKey'),
  isKeyObject: () => false,
  isEventTarget: (value) => value instanceof globalThis.EventTarget,
};
for (const name of Object.keys(wrapped)) types[name] = isOf(wrapped[name]);
types.isBoxedPrimitive = (value) => Object.keys(wrapped).some((name) => types[name](value));
for (const name of ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']) {
  types[`is${name}`] = isView8(name);
}

function nothing() {}
