// SARIF reports against the schema of SARIF 2.1.0, and against the JSON reports of the same runs: node sarif_test.mjs TOOL
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';

const tool = path.resolve(process.argv[2]);
// The matchers of this package are for another test runner; the schema is the published one.
const schema = JSON.parse(fs.readFileSync(createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8'));
// It is of draft 04 by name, and uses nothing that later drafts read otherwise.
delete schema.$schema;
delete schema.id;
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats(ajv);
const isValid = ajv.compile(schema);

function run(...args) {
  const result = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.ok(result.status !== null && result.status <= 3, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

// Every object named `region`, wherever it stands.
function* regions(value) {
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'region') yield inner;
    yield* regions(inner);
  }
}

let checked = 0, failed = 0, flows = 0, wide = 0;
function check(what, claim) {
  ++checked;
  try { claim(); } catch (error) { ++failed; console.log(`FAIL  ${what}\n${error.message}`); }
}

function compare(...paths) {
  const what = paths.join(' ');
  const sarif = JSON.parse(run('run', ...paths, '--fail-on', 'never', '--format', 'sarif'));
  const report = JSON.parse(run('run', ...paths, '--fail-on', 'never'));
  const results = sarif.runs[0].results;
  const findings = report.scenarios.flatMap(scenario => scenario.findings);
  check(`${what} is SARIF 2.1.0`, () => assert.ok(isValid(sarif), ajv.errorsText(isValid.errors?.slice(0, 5), { separator: '\n' })));
  // A later edition of the schema asks for this.
  check(`${what}: regions say where they start`, () => { for (const region of regions(sarif)) assert.ok(region.startLine >= 1, JSON.stringify(region)); });
  check(`${what}: a result for each finding`, () => assert.deepEqual(results.map(result => result.ruleId), findings.map(finding => finding.rule)));
  check(`${what}: every rule is described`, () => {
    const known = new Set(sarif.runs[0].tool.driver.rules.map(rule => rule.id));
    for (const result of results) assert.ok(known.has(result.ruleId), result.ruleId);
  });
  results.forEach((result, i) => {
    const steps = findings[i].schedule;
    check(`${what}: result ${i} has a flow for each thread of its schedule`, () => {
      if (steps.length === 0) { assert.equal(result.codeFlows, undefined); return; }
      const threadFlows = result.codeFlows[0].threadFlows;
      assert.equal(result.codeFlows.length, 1);
      assert.deepEqual(threadFlows.map(flow => flow.id), [...new Set(steps.map(step => step.thread))]);
      for (const flow of threadFlows)
        assert.deepEqual(flow.locations.map(place => place.executionOrder), steps.filter(step => step.thread === flow.id).map(step => step.step));
      ++flows;
      if (threadFlows.length > 1) ++wide;
    });
  });
}

for (const folder of fs.readdirSync('scenarios', { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name))
  compare(`scenarios/${folder}`);
compare('scenarios/tour', '--max-states', '2');
compare('tests/browser/package.json');
const odd = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sarif-')), 'a b%#?\u00e9"<.json');
fs.writeFileSync(odd, '{ "name": "odd", "objects": { "m": { "kind": "std_mutex" } }, "main": [ { "op": "lock", "on": "m" }, { "op": "lock", "on": "m" } ] }');
compare(odd);
fs.rmSync(path.dirname(odd), { recursive: true });

// A schema that accepts everything would pass all of the above.
assert.equal(isValid({ version: '2.1.0' }), false);
assert.equal(isValid({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, results: [{ message: { text: 'x' }, level: 'fatal' }] }] }), false);
assert.equal(isValid({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, results: [] }] }), true);

console.log(`${checked} claims about SARIF checked, ${flows} code flows, ${wide} of several threads, ${failed} failed`);
process.exit(failed === 0 && wide > 20 ? 0 : 1);
