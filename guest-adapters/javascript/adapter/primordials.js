// Builtins as they are when the guest is built. Scripts may replace and patch whatever they
// find on the global object and on prototypes; the adapter uses these. It also keeps clear
// of syntax that looks builtins up by name: `for..of` and spreading of arrays.

export const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const getter = (prototype, name) => uncurry(Object.getOwnPropertyDescriptor(prototype, name).get);
const own = Object.getOwnPropertyDescriptor;

export const evaluate = eval;

/** Milliseconds on a clock that only goes forward. While the guest is built there is none: asking for it stops the engine. */
export let now = () => 0;
export function startClock() {
  now = performanceNow;
}
const performanceNow = performance.now.bind(performance);

export const { apply, construct, ownKeys } = Reflect;
export const { parse, rawJSON, stringify } = JSON;
export const { floor, min, ceil, abs } = Math;
export const { isArray } = Array;
export const {
  create,
  defineProperty,
  freeze,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  keys,
  hasOwn,
  setPrototypeOf,
} = Object;
export const { is } = Object;
export const { isFinite, isInteger, isSafeInteger } = Number;
export const isErrorObject = Error.isError;
export { own };

export const [TheArray, TheError, TheMap, TheNumber, ThePromise, TheSet, TheString, TheBigInt] = [
  Array,
  Error,
  Map,
  Number,
  Promise,
  Set,
  String,
  BigInt,
];
export const TheTypeError = TypeError;
export const TheRangeError = RangeError;
export const TheReferenceError = ReferenceError;
export const TheSyntaxError = SyntaxError;
export const TheUint8Array = Uint8Array;
export const TheObject = Object;
export const TheProxy = Proxy;

export const arrayPrototype = Array.prototype;
export const objectPrototype = Object.prototype;

export const mapGet = uncurry(Map.prototype.get);
export const mapSet = uncurry(Map.prototype.set);
export const mapHas = uncurry(Map.prototype.has);
export const mapDelete = uncurry(Map.prototype.delete);
export const mapClear = uncurry(Map.prototype.clear);
export const mapForEach = uncurry(Map.prototype.forEach);
export const mapSize = getter(Map.prototype, 'size');
export const setForEach = uncurry(Set.prototype.forEach);
export const setClear = uncurry(Set.prototype.clear);
export const setSize = getter(Set.prototype, 'size');
export const weakMapGet = uncurry(WeakMap.prototype.get);
export const weakMapSet = uncurry(WeakMap.prototype.set);

export const charCode = uncurry(String.prototype.charCodeAt);
export const slice = uncurry(String.prototype.slice);
export const indexOf = uncurry(String.prototype.indexOf);
export const lastIndexOf = uncurry(String.prototype.lastIndexOf);
export const startsWith = uncurry(String.prototype.startsWith);
export const endsWith = uncurry(String.prototype.endsWith);
export const lowerCase = uncurry(String.prototype.toLowerCase);
export const upperCase = uncurry(String.prototype.toUpperCase);
export const repeat = uncurry(String.prototype.repeat);
export const padStart = uncurry(String.prototype.padStart);
export const trimEnd = uncurry(String.prototype.trimEnd);
export const join = uncurry(Array.prototype.join);
export const regExpExec = uncurry(RegExp.prototype.exec);
export const bigIntText = uncurry(BigInt.prototype.toString);
export const dateToISO = uncurry(Date.prototype.toISOString);
export const dateValue = uncurry(Date.prototype.getTime);
export const byteLength = getter(getPrototypeOf(Uint8Array.prototype), 'byteLength');
export const arrayLength = getter(getPrototypeOf(Uint8Array.prototype), 'length');
export const typedArrayName = getter(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
export const isView = ArrayBuffer.isView;
export const functionText = uncurry(Function.prototype.toString);

const bufferLength = getter(ArrayBuffer.prototype, 'byteLength');
export const viewBuffer = getter(getPrototypeOf(Uint8Array.prototype), 'buffer');
const dataViewBuffer = getter(DataView.prototype, 'buffer');
const dataViewOffset = getter(DataView.prototype, 'byteOffset');
const dataViewLength = getter(DataView.prototype, 'byteLength');
const viewOffset = getter(getPrototypeOf(Uint8Array.prototype), 'byteOffset');

export const bytesFromBase64 = Uint8Array.fromBase64.bind(Uint8Array);

/** Appends to an array of the adapter's own, whatever setters arrays may have by now. */
export function push(array, value) {
  const { length } = array;
  if (length in arrayPrototype) {
    defineProperty(array, length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  } else {
    array[length] = value;
  }
}

/** An array of the adapter's own that no setter of a prototype can see; `add` appends to it. */
export function plainArray() {
  return setPrototypeOf([], null);
}
export function add(array, value) {
  array[array.length] = value;
}

/** The lines of a text. */
export function lines(text) {
  const found = [];
  let from = 0;
  for (;;) {
    const to = indexOf(text, '\n', from);
    push(found, slice(text, from, to < 0 ? text.length : to));
    if (to < 0) return found;
    from = to + 1;
  }
}

/** A property that scripts can see and replace, as builtins are. */
export function define(object, name, value) {
  defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

/** Whether this is an object of that kind, for the captured methods that check it: `brand(mapSize, x)`. */
export function brand(method, value) {
  try {
    method(value);
    return true;
  } catch {
    return false;
  }
}

/** The bytes of a buffer or view as a Uint8Array over the same memory, or undefined. */
export function bytesOf(value) {
  if (isView(value)) {
    if (typedArrayName(value) === undefined) {
      return new TheUint8Array(dataViewBuffer(value), dataViewOffset(value), dataViewLength(value));
    }
    return new TheUint8Array(viewBuffer(value), viewOffset(value), byteLength(value));
  }
  return brand(bufferLength, value) ? new TheUint8Array(value) : undefined;
}
