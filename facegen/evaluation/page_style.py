"""How a report looks: light and dark after the reader's system, on a phone as on a desk."""

STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2126; --soft: #5b6570; --paper: #ffffff; --card: #f5f6f8; --line: #d9dde2; --mark: #2166c2;
  --good: #1d7a45; --warning: #8a5a00; --bad: #b3261e; --undecided: #5b6570; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e4e8ec; --soft: #9aa5b1; --paper: #14171a; --card: #1d2226; --line: #333a42; --mark: #6aa9f7;
  --good: #5ccf8e; --warning: #e6b450; --bad: #ff8a80; --undecided: #9aa5b1; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: .5rem 0 .2rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; } p { margin: .5rem 0; max-width: 48rem; }
a { color: var(--mark); } small, .soft { color: var(--soft); font-size: .82rem; }
code { font-size: .9em; } nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .8rem 0; }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-size: .92rem; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .82rem; }
td:first-child { min-width: 9rem; max-width: 26rem; } td small { display: block; line-height: 1.35; }
td.number { white-space: nowrap; } td.number small.note { white-space: normal; max-width: 15rem; }
.bar { display: block; width: 7rem; height: .8rem; margin: .15rem 0; }
.bar .axis { stroke: var(--line); stroke-width: 1; } .bar .range { stroke: var(--mark); stroke-width: 3; opacity: .45; }
.bar .value { fill: var(--mark); } .bar .chance { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 1.5; }
ul.verdicts { list-style: none; padding: 0; max-width: 52rem; }
ul.verdicts li { border-left: .25rem solid var(--shade); padding: .1rem 0 .1rem .7rem; margin: .45rem 0; }
ul.verdicts b { color: var(--shade); font-size: .82rem; text-transform: uppercase; letter-spacing: .04em; }
.good { --shade: var(--good); } .warning { --shade: var(--warning); } .bad { --shade: var(--bad); }
.undecided { --shade: var(--undecided); }
figure { margin: 1rem 0 1.6rem; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 48rem; margin-top: .4rem; }
figure .wide { border-radius: .5rem; background: #ffffff; border: 1px solid var(--line); }
figure .wide img { display: block; max-width: max(100%, 36rem); height: auto; }
.plots { display: flex; flex-wrap: wrap; gap: .8rem; }
.plots figure { flex: 1 1 20rem; max-width: 30rem; margin: 0; padding: .5rem;
  background: var(--card); border-radius: .5rem; }
.plots img { width: 100%; height: auto; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--soft); }
.told { font-weight: 600; } footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@media (max-width: 40rem) { body { padding: .8rem .8rem 3rem; } td:first-child { min-width: 7.5rem; }
  th, td { padding-right: .6rem; } .bar { width: 5rem; } }
"""
