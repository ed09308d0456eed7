// Every scenario and every report against the schemas that the tool prints: node schema_test.mjs TOOL
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv/dist/2020.js';

const tool = path.resolve(process.argv[2]);

function run(...args) {
  const result = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.ok(result.status !== null && result.status <= 3, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

// Strict: a keyword that the schema has by mistake is an error too. All errors of a broken scenario take time exponential in
// the depth of its bodies; the first one is enough.
const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false });
const validators = Object.fromEntries(['scenario', 'report'].map(name => [name, ajv.compile(JSON.parse(run('schema', name)))]));

let checked = 0, failed = 0;
function check(kind, value, what) {
  ++checked;
  if (validators[kind](value)) return;
  ++failed;
  console.log(`FAIL  ${what}\n${ajv.errorsText(validators[kind].errors.slice(0, 5), { separator: '\n' })}`);
}

function filesUnder(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(entry =>
    entry.isDirectory() ? filesUnder(path.join(folder, entry.name)) : entry.name.endsWith('.json') ? [path.join(folder, entry.name)] : []);
}

for (const file of filesUnder('scenarios')) {
  let value;
  try { value = JSON.parse(fs.readFileSync(file, 'utf8')); } catch { continue; }  // comments are no JSON
  check('scenario', value, file);
}
check('report', JSON.parse(fs.readFileSync('tests/golden/report.json', 'utf8')), 'tests/golden/report.json');
for (const folder of fs.readdirSync('scenarios', { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name))
  check('report', JSON.parse(run('run', `scenarios/${folder}`, '--fail-on', 'never')), `the report of scenarios/${folder}`);
check('report', JSON.parse(run('run', 'scenarios/tour', '--timing', '--fail-on', 'never')), 'a report with times');
check('report', JSON.parse(run('run', 'scenarios/tour', '--max-states', '2', '--fail-on', 'never')), 'a report that a limit cut');
check('report', JSON.parse(run('run', 'tests/browser/package.json')), 'the report of what is no scenario');

// A schema that accepts everything would pass all of the above.
assert.equal(validators.report({ schema: 'asyncrt-check/report/1' }), false);
assert.equal(validators.scenario({ name: 'x', main: [{ op: 'no_such_op' }] }), false);

console.log(`${checked} documents checked, ${failed} failed`);
process.exit(failed === 0 && checked > 50 ? 0 : 1);
