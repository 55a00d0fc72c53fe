/**
 * The page itself, and how it looks, by day and by night.
 */

export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Chunkwise</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/uplot.css">
<link rel="stylesheet" href="/styles.css">
</head>
<body>
<header>
  <h1 id="flow">…</h1>
  <span id="status" class="status">connecting</span>
</header>
<main>
  <div id="tiles"></div>
  <nav id="strip" aria-label="steps"></nav>
  <div id="charts"></div>
  <section class="card">
    <h2 id="samples-title">Last batches</h2>
    <div id="samples"></div>
  </section>
</main>
<script type="module" src="/dashboard/client/main.js"></script>
</body>
</html>
`;

export const styles = `
:root {
  --ground: #f6f7f9; --card: #fff; --ink: #16202b; --faint: #67737f; --line: #e3e7eb; --accent: #1668c7;
  --good: #16794a; --bad: #b3261e;
  --line-0: #1668c7; --line-1: #d9730d; --line-2: #16794a; --line-3: #9c3fb5; --line-4: #0b8a94; --line-5: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151b; --card: #181f27; --ink: #e6ebf0; --faint: #8d99a6; --line: #2a333d; --accent: #6cb0ff;
    --good: #5fd39a; --bad: #ff8a80;
    --line-0: #6cb0ff; --line-1: #ffb066; --line-2: #5fd39a; --line-3: #d79bea; --line-4: #5cd3dc; --line-5: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
header { display: flex; align-items: center; gap: 12px; padding: 18px 24px 6px; }
h1 { font-size: 22px; font-weight: 650; margin: 0; }
h2 { font-size: 13px; font-weight: 600; margin: 0 0 8px; }
main { padding: 8px 24px 32px; display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
.faint { color: var(--faint); }
.status { font-size: 12px; padding: 2px 10px; border-radius: 99px; border: 1px solid currentColor; color: var(--faint); }
.status.good { color: var(--accent); }
.status.done { color: var(--good); }
.status.bad { color: var(--bad); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
#tiles { display: flex; flex-wrap: wrap; gap: 6px 32px; }
#tiles b { display: block; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; }
#tiles span { color: var(--faint); font-size: 12px; }
#strip { display: flex; flex-wrap: wrap; gap: 8px 26px; }
.place { position: relative; text-align: left; color: inherit; font: inherit; cursor: pointer; flex: 1 1 200px; max-width: 320px; }
.place + .place::before { content: '→'; position: absolute; left: -21px; top: 50%; translate: 0 -50%; color: var(--faint); }
.place span { display: block; color: var(--faint); font-size: 12px; font-variant-numeric: tabular-nums; }
.place:hover { border-color: var(--faint); }
.place:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.place[aria-pressed='true'] { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.bar { height: 4px; border-radius: 2px; background: var(--line); margin-top: 8px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); transition: width 0.3s; }
#charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); }
.chart { min-width: 0; overflow: hidden; }
.u-legend { font-size: 12px; color: var(--faint); text-align: left; }
.u-legend .u-marker { border-radius: 3px; }
.u-legend .u-value { font-variant-numeric: tabular-nums; color: var(--ink); }
#samples { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12.5px; }
.u-legend th, .u-legend td { border: 0; }
#samples th, #samples td { padding: 4px 14px 4px 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
#samples th small { display: block; color: var(--faint); font-weight: 400; }
#samples td { font-variant-numeric: tabular-nums; }
#samples .number { text-align: right; }
#samples .null { color: var(--faint); font-style: italic; }
#samples .rest { color: var(--faint); padding-bottom: 10px; }
`;
