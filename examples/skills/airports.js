#!/usr/bin/env node
'use strict';

const fs = require('node:fs');
const os = require('os');
const path = require('path');
const { createHash } = require('crypto');
const { parse } = require('./csv');

const usage = `usage: ${path.basename(__filename)} FILE [STATES]`;

function main([file, states = '3']) {
  if (!file) {
    console.error(usage);
    process.exit(2);
  }
  const text = fs.readFileSync(path.resolve(file), 'utf8');
  const counts = new Map();
  for (const { state } of parse(text)) counts.set(state, (counts.get(state) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, Number(states));

  const report = path.join(os.tmpdir(), 'airports.json');
  fs.writeFileSync(report, JSON.stringify(Object.fromEntries(most), null, 2));
  for (const [state, count] of most) console.log(`${state}\t${count.toLocaleString('en-US')}`);
  console.log(`${path.basename(report)}: ${fs.statSync(report).size} bytes, input ${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
}

main(process.argv.slice(2));
