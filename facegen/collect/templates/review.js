const table = JSON.parse(document.getElementById('table').textContent);
const ticks = [...document.querySelectorAll('input[type=checkbox]')];
const count = () => {
  const number = ticks.filter(tick => tick.checked).length;
  document.getElementById('count').textContent = number ? number + ' ticked' : 'nothing ticked';
};
ticks.forEach(tick => tick.addEventListener('change', count));
count();
const cell = text => /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
document.getElementById('save').addEventListener('click', () => {
  const rows = table.map(row => [...row]);
  ticks.filter(tick => tick.checked).forEach(tick => { rows[Number(tick.value) + 1][0] = 'yes'; });
  const text = rows.map(row => row.map(cell).join(',')).join('\r\n') + '\r\n';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
  link.download = 'review.csv';
  link.click();
});
