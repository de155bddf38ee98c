import { applyPatches, createDraft, current, enableMapSet, enablePatches, finishDraft, freeze, isDraft, nothing, original, produce, produceWithPatches } from 'immer';

enableMapSet();
enablePatches();
const base = { todos: [{ text: 'a', done: false }, { text: 'b', done: false }], map: new Map([['k', { n: 1 }]]), set: new Set([1]) };
const next = produce(base, (draft) => {
  draft.todos[0].done = true;
  draft.todos.push({ text: 'c', done: false });
  draft.map.get('k').n += 1;
  draft.set.add(2);
  console.log(isDraft(draft), original(draft) === base, current(draft).todos.length);
});
console.log(next, base.todos.length, next.todos[1] === base.todos[1], Object.isFrozen(next));
const [changed, patches, inverse] = produceWithPatches({ a: { b: 1 }, list: [1, 2, 3] }, (draft) => { draft.a.b = 2; draft.list.splice(1, 1); delete draft.none; });
console.log(changed, JSON.stringify(patches), JSON.stringify(inverse), applyPatches(changed, inverse));
const draft = createDraft({ x: [3, 1, 2] });
draft.x.sort();
console.log(finishDraft(draft), produce((state, n) => { state.n = n; })({}, 5), produce({ a: 1 }, () => nothing));
try {
  next.todos.push(1);
} catch (error) {
  console.log(error.constructor.name);
}
console.log(produce(Object.freeze([1]), (list) => list.map((n) => n + 1)), freeze({ d: {} }, true));
