"""How a review page looks, light and dark, and the one thing that it does: save the list with its ticks."""

STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2126; --soft: #5b6570; --paper: #ffffff; --card: #f5f6f8; --line: #d9dde2; --mark: #2166c2;
  --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e4e8ec; --soft: #9aa5b1; --paper: #14171a; --card: #1d2226; --line: #333a42; --mark: #6aa9f7;
  --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: .5rem 0 .2rem; } h2 { font-size: 1.2rem; margin: 0; }
p { margin: .4rem 0; max-width: 56rem; } small, .soft { color: var(--soft); font-size: .82rem; }
section { border-top: 1px solid var(--line); margin-top: 1.4rem; padding-top: .8rem; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center;
  padding: .6rem 0; background: var(--paper); border-bottom: 1px solid var(--line); }
button { font: inherit; padding: .35rem .9rem; border: 0; border-radius: .4rem; background: var(--mark); color: #fff;
  cursor: pointer; }
@media (prefers-color-scheme: dark) { button { color: #10151a; } }
.faces { display: flex; flex-wrap: wrap; gap: .3rem; align-content: flex-start; } .faces small { flex-basis: 100%; }
.person { display: flex; gap: 1.2rem; align-items: flex-start; margin-top: .4rem; }
.faces.typical { flex: 0 0 14rem; position: sticky; top: 4rem; }
img { display: block; border-radius: .3rem; object-fit: cover; background: var(--line); }
img.typical { width: 6.6rem; height: 6.6rem; } img.suspect { width: 8rem; height: 8rem; flex: none; }
img.other { width: 3.6rem; height: 3.6rem; }
.cards { flex: 1; display: grid; grid-template-columns: repeat(auto-fill, minmax(25rem, 1fr)); gap: .7rem; }
.card { display: flex; gap: .8rem; padding: .6rem; background: var(--card); border: 2px solid transparent;
  border-radius: .5rem; cursor: pointer; }
.card:has(:checked) { border-color: var(--bad); } .card:has(:checked) img.suspect { opacity: .45; }
.card input { flex: none; width: 1.1rem; height: 1.1rem; margin: .2rem 0 0; accent-color: var(--bad); }
.said { min-width: 0; font-size: .88rem; line-height: 1.35; } .said b { font-variant-numeric: tabular-nums; }
.said ul { margin: .1rem 0 .3rem; padding-left: 1.1rem; } .said .faces { margin: .2rem 0 .3rem; }
@media (max-width: 48rem) { .person { flex-direction: column; } .faces.typical { position: static; flex-basis: auto; }
  .faces.typical img:nth-of-type(n+6) { display: none; } img.typical { width: 3.6rem; height: 3.6rem; }
  .cards { width: 100%; grid-template-columns: 1fr; } img.suspect { width: 6.6rem; height: 6.6rem; } }
"""
SCRIPT = """
const table = JSON.parse(document.getElementById('table').textContent);
const ticks = [...document.querySelectorAll('input[type=checkbox]')];
const count = () => {
  const number = ticks.filter(tick => tick.checked).length;
  document.getElementById('count').textContent = number ? number + ' ticked' : 'nothing ticked';
};
ticks.forEach(tick => tick.addEventListener('change', count));
count();
const cell = text => /[",\\n\\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
document.getElementById('save').addEventListener('click', () => {
  const rows = table.map(row => [...row]);
  ticks.filter(tick => tick.checked).forEach(tick => { rows[Number(tick.value) + 1][0] = 'yes'; });
  const text = rows.map(row => row.map(cell).join(',')).join('\\r\\n') + '\\r\\n';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
  link.download = 'review.csv';
  link.click();
});
"""
