// The style and the script of the HTML report. Everything reads without the script: it only moves the current step.
#ifndef ASYNCRT_CORE_REPORT_HTML_ASSETS_H_
#define ASYNCRT_CORE_REPORT_HTML_ASSETS_H_

namespace asyncrt {

inline constexpr char kHtmlStyle[] = R"css(
:root { color-scheme: light dark;
  --ink: #1d232b; --dim: #5d6773; --line: #dfe4ea; --page: #f6f7f9; --card: #fff; --on: #fff;
  --run: #2f6fb5; --ready: #c9d2dc; --block: #b9411a; --object: #8a6400; --bad: #a83216; --badbg: #fcebe5;
  --warn: #7a5800; --warnbg: #fdf3d7; --good: #1f6b3a; --goodbg: #e3f4e8; --now: #dcebfb;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6eaf0; --dim: #9aa6b5; --line: #2c343e; --page: #12161b; --card: #1a2028; --on: #11161c;
  --run: #5f9fe0; --ready: #3b4653; --block: #ef7b50; --object: #e3b341; --bad: #ff8a66; --badbg: #3a1f17;
  --warn: #e3b341; --warnbg: #352b12; --good: #74c78f; --goodbg: #16301f; --now: #1d3550 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 48px }
h1 { font-size: 22px; margin: 0 0 14px } h2 { font-size: 17px; line-height: 1.35; margin: 8px 0; font-weight: 640; overflow-wrap: anywhere }
h3 { font-size: 12px; letter-spacing: .08em; text-transform: uppercase; color: var(--dim); margin: 0 0 12px; font-weight: 600 }
a { color: var(--run) } code, pre, .mono, svg text { font-family: var(--mono); font-size: 12.5px }
.chip { display: inline-block; padding: 1px 10px; border-radius: 99px; font-size: 12.5px; font-weight: 600; margin-right: 8px; white-space: nowrap }
.bad { background: var(--badbg); color: var(--bad) } .warn { background: var(--warnbg); color: var(--warn) } .good { background: var(--goodbg); color: var(--good) }
h2 code { font-size: .95em } .facts { color: var(--dim); font-size: 13.5px; margin: 4px 0 16px } .dim { color: var(--dim) }
.finding { margin-top: 44px; border-top: 1px solid var(--line); padding-top: 24px }
.grid { display: grid; gap: 16px; grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr) }
.grid { align-items: start } .grid > *, .column > * { min-width: 0 } .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; overflow-x: auto } .wide { grid-column: 1 / -1 } .column { display: grid; gap: 16px; align-content: start }
@media (max-width: 860px) { .grid { grid-template-columns: minmax(0, 1fr) } main { padding: 16px 12px } }
table { border-collapse: collapse; width: 100%; font-size: 13.5px } td, th { text-align: left; padding: 5px 12px 5px 6px; border-top: 1px solid var(--line); vertical-align: top }
th { color: var(--dim); font-weight: 500; border-top: 0 } td.mono { white-space: nowrap } td a { text-decoration: none } td a:hover { text-decoration: underline }
tr:target td, tr.now td { background: var(--now) }
pre { margin: 0; line-height: 1.6 } pre span { display: block; padding-left: 6px; border-left: 3px solid transparent } pre i { color: var(--dim); font-style: normal; user-select: none; display: inline-block; min-width: 3.2em }
pre .at { border-left-color: var(--block) } pre .now { background: var(--now) }
svg { display: block } .column svg { max-width: 100%; height: auto; margin: 0 auto } svg text { fill: var(--ink) } svg .dim { fill: var(--dim) } svg .on { fill: var(--on) } svg .band { fill: var(--dim); font-size: 11px; letter-spacing: .06em }
.lane { stroke: var(--line) } .cursor { fill: var(--now); opacity: .75 } .run { fill: var(--run) } .stop { fill: var(--block) } .wait { fill: none; stroke: var(--dim); stroke-dasharray: 4 3 }
.touch { fill: var(--object) } .await { stroke: var(--block); stroke-width: 2.5; stroke-dasharray: 5 4 } .loop { fill: none; stroke: var(--dim) }
svg a:hover rect { opacity: .8 } svg .now > rect.run, svg .now > rect.touch { stroke: var(--ink); stroke-width: 2 }
.node rect { fill: var(--card); stroke: var(--dim); stroke-width: 1.5 } .node.core rect { stroke: var(--block); stroke-width: 2 } .node.now rect { fill: var(--now) }
.edge path.line { fill: none; stroke: var(--dim); stroke-width: 1.5; stroke-dasharray: 4 4 } .edge.core path.line { stroke: var(--block); stroke-width: 2.5; stroke-dasharray: none }
.edge path.tip { fill: var(--dim) } .edge.core path.tip { fill: var(--block) } .edge circle { fill: var(--card); stroke: var(--dim) } .edge.now circle { fill: var(--now) }
ol, ul { margin: 12px 0 0; padding-left: 22px; font-size: 13.5px } li { margin: 3px 0; overflow-wrap: anywhere } li.now { background: var(--now) }
.command { display: block; background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: 7px 11px; overflow-x: auto; white-space: nowrap; margin-top: 10px }
.legend { color: var(--dim); font-size: 12.5px; margin-top: 12px } .legend span { display: inline-block; margin-right: 18px } .legend svg { display: inline-block; vertical-align: -1px; margin-right: 6px }
kbd { font: 11.5px var(--mono); border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 5px; padding: 0 5px }
)css";

// An element names in `data-s` the steps that it belongs to: so one rule moves all views.
inline constexpr char kHtmlScript[] = R"js(
const findings = [...document.querySelectorAll('.finding')];
const at = new Map();
let current = findings[0];
function go(finding, step, show) {
  const count = Number(finding.dataset.steps);
  if (count === 0) return;
  step = Math.max(1, Math.min(count, step));
  at.set(finding, step);
  for (const element of finding.querySelectorAll('[data-s]'))
    element.classList.toggle('now', element.dataset.s.split(' ').includes(String(step)));
  const cursor = finding.querySelector('.cursor');
  cursor.setAttribute('x', Number(cursor.dataset.x) + (step - 1) * Number(cursor.dataset.w));
  if (!show) return;
  current = finding;
  history.replaceState(null, '', '#' + finding.id + '.s' + step);
  for (const view of finding.querySelectorAll('.now')) if (view.matches('tr, pre span')) view.scrollIntoView({block: 'nearest'});
}
function follow() {
  const match = /^#(f\d+)(?:\.s(\d+))?$/.exec(location.hash);
  const finding = match && document.getElementById(match[1]);
  if (!finding) return;
  current = finding;
  if (match[2]) go(finding, Number(match[2]), false);
}
for (const finding of findings) go(finding, Number(finding.dataset.steps), false);
follow();
addEventListener('hashchange', follow);
addEventListener('keydown', event => {
  if (!current || event.altKey || event.ctrlKey || event.metaKey) return;
  const by = {ArrowLeft: -1, ArrowRight: 1, h: -1, l: 1}[event.key];
  if (!by) return;
  event.preventDefault();
  go(current, at.get(current) + by, true);
});
)js";

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_HTML_ASSETS_H_
