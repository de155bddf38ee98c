// Characters one by one, and a hash.
let hash = 0, text = '';
for (let i = 0; i < 60_000; i++) text += String.fromCharCode(97 + ((i * 7) % 26));
for (let round = 0; round < 8; round++) for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
console.log(hash, [...text].reverse().join('').slice(0, 10));
