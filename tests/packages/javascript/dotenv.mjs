import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dotenv from 'dotenv';

const text = '# note\nKEY=value # trailing\nexport QUOTED="a\\nb"\nSINGLE=\'x $KEY\'\nEMPTY=\nMULTI="one\ntwo"\nSPACE =  padded  \n';
console.log(dotenv.parse(text));
const path = join(mkdtempSync(join(tmpdir(), 'env-')), '.env');
writeFileSync(path, text);
process.env.EMPTY = 'set';
const { parsed, error } = dotenv.config({ path, quiet: true });
console.log(Object.keys(parsed), error, process.env.KEY, process.env.QUOTED, process.env.EMPTY);
dotenv.config({ path, override: true, quiet: true });
console.log(process.env.EMPTY === '', dotenv.config({ path: path + '.none', quiet: true }).error.code);
const target = {};
dotenv.populate(target, { A: '1' });
console.log(target);
