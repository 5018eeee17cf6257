'use strict';
// Moves, zooms, searches and explains the graph that stands in the page. The SVG's viewBox is the view;
// the address's fragment is the selection, so that links, history and bookmarks work.

const byId = (id) => document.getElementById(id);
const svg = byId('graph'), find = byId('find'), found = byId('found'), details = byId('details');
const whole = { width: +svg.dataset.width, height: +svg.dataset.height };
const calm = matchMedia('(prefers-reduced-motion: reduce)');

const nodes = JSON.parse(byId('data').textContent).map((node, place) => {
  const element = byId('n' + place);
  const [x, y] = element.getAttribute('transform').match(/-?\d+/g).map(Number);
  const box = element.querySelector('.box');
  return {
    ...node, element, x: x + box.width.baseVal.value / 2, y: y + box.height.baseVal.value / 2,
    parents: [], children: [], incoming: [], outgoing: [],
  };
});
for (const element of byId('edges').children) {
  const [parent, child] = element.id.slice(1).split('-').map((place) => nodes[place]);
  parent.children.push(child);
  parent.outgoing.push(element);
  child.parents.push(parent);
  child.incoming.push(element);
}

// A link names its node, and tells those of one name apart.
const byLink = new Map();
for (const node of nodes) {
  const name = '#node=' + encodeURIComponent(node.name);
  node.link = name;
  for (let other = 2; byLink.has(node.link); other++) node.link = name + ':' + other;
  byLink.set(node.link, node);
}

// The view: its middle, and how many pixels a unit is.
const view = { x: whole.width / 2, y: whole.height / 2, scale: 1 };
let flight = 0, fitted = true;

function size() {
  const { clientWidth, clientHeight } = svg;
  return { width: clientWidth || 800, height: clientHeight || 600 };
}

function fitting() {
  const { width, height } = size();
  return Math.min((width - 40) / whole.width, (height - 40) / whole.height);
}

function show(x, y, scale) {
  const { width, height } = size();
  view.scale = Math.max(Math.min(scale, 4), Math.min(fitting() * 0.7, 1));
  view.x = Math.max(0, Math.min(x, whole.width));
  view.y = Math.max(0, Math.min(y, whole.height));
  const [w, h] = [width / view.scale, height / view.scale];
  svg.setAttribute('viewBox', `${view.x - w / 2} ${view.y - h / 2} ${w} ${h}`);
  svg.classList.toggle('far', view.scale < 0.42);
  cull(w / 2 + 200, h / 2 + 60);
}

// Leaves out what is out of sight, since measuring thousands of names takes long.
function cull(w, h) {
  for (const node of nodes) {
    const hidden = Math.abs(node.x - view.x) > w || Math.abs(node.y - view.y) > h;
    if (hidden !== node.hidden) node.element.classList.toggle('gone', hidden);
    node.hidden = hidden;
  }
}

function fly(x, y, scale) {
  land();
  if (calm.matches) return show(x, y, scale);
  const from = { ...view }, start = performance.now();
  const frame = (now) => {
    const t = Math.min((now - start) / 220, 1), eased = t * (2 - t);
    const between = (a, b) => a + (b - a) * eased;
    show(between(from.x, x), between(from.y, y), from.scale * (scale / from.scale) ** eased);
    if (t < 1) flight = requestAnimationFrame(frame);
  };
  flight = requestAnimationFrame(frame);
}

// Ends what the view is about to do by itself.
function land() {
  cancelAnimationFrame(flight);
  fitted = false;
}

function fit() {
  fly(whole.width / 2, whole.height / 2, Math.min(fitting(), 1.25));
  fitted = true;
}

function pan(dx, dy) {
  land();
  show(view.x + dx / view.scale, view.y + dy / view.scale, view.scale);
}

function zoom(factor, clientX, clientY) {
  land();
  const frame = svg.getBoundingClientRect(), before = view.scale;
  const dx = (clientX ?? frame.left + frame.width / 2) - frame.left - frame.width / 2;
  const dy = (clientY ?? frame.top + frame.height / 2) - frame.top - frame.height / 2;
  const { x, y } = view;
  show(x, y, before * factor);
  show(x + dx / before - dx / view.scale, y + dy / before - dy / view.scale, view.scale);
}

function visit(node) {
  fly(node.x, node.y, Math.max(view.scale, 0.85));
}

// Brings a node into sight, if it is not.
function reveal(node) {
  const { width, height } = size();
  const seen = Math.abs(node.x - view.x) * view.scale < width / 2 - 90
    && Math.abs(node.y - view.y) * view.scale < height / 2 - 40;
  if (!seen && !fitted) fly(node.x, node.y, view.scale);
}

// The panel and the window change the room: a graph that was seen whole still is.
function resize() {
  if (fitted) fit();
  else show(view.x, view.y, view.scale);
}

// What is looked at: the selected node with all that it stands on and that stands on it, else what is found.
let picked = null, hits = [], hit = -1;

function reach(start, nearer, lines) {
  const reached = new Set(), edges = new Set(), open = [start];
  while (open.length) {
    const node = open.pop();
    for (const line of node[lines]) edges.add(line);
    for (const next of node[nearer]) {
      if (!reached.has(next)) {
        reached.add(next);
        open.push(next);
      }
    }
  }
  return { nodes: reached, edges };
}

function mark() {
  for (const element of svg.querySelectorAll('.on')) element.classList.remove('on', 'up', 'down', 'hit', 'now', 'picked');
  const light = (elements, ...names) => { for (const element of elements) element.classList.add('on', ...names); };
  const elements = (set) => [...set].map((node) => node.element);
  if (picked) {
    for (const [side, name] of [[picked.up, 'up'], [picked.down, 'down']]) {
      light(elements(side.nodes), name);
      light(side.edges, name);
    }
    light([picked.element], 'picked');
  }
  light(elements(hits), 'hit');
  if (hits[hit]) light([hits[hit].element], 'now');
  svg.classList.toggle('aside', picked !== null || searching());
}

function pick(node) {
  picked = node && { ...node, up: reach(node, 'parents', 'incoming'), down: reach(node, 'children', 'outgoing') };
  details.hidden = !node;
  details.replaceChildren(...(node ? describe(picked) : []));
  details.scrollTop = 0;
  mark();
}

function follow() {
  pick(byLink.get(location.hash) ?? null);
  resize();
  if (picked) reveal(picked);
}

function choose(node) {
  if (node) location.hash = node.link;
  else if (picked) {
    history.pushState(null, '', location.pathname + location.search);
    follow();
  }
}

// The panel. Everything a node says about itself is put in as text.
function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

const words = Object.fromEntries([...byId('legend').children].map((button) => [button.dataset.state, button]));
const kinds = { source: 'source', node: 'node', mapped: 'mapped node' };
const word = (node) => node.state.replaceAll('-', ' ');

function describe(node) {
  const close = make('button', 'close', '\u00d7');
  close.ariaLabel = 'Close';
  close.addEventListener('click', () => choose(null));
  const title = make('h2', node.state, words[node.state].querySelector('svg').cloneNode(true), make('bdi', '', node.name));
  const about = [word(node), kinds[node.kind], ...(node.target ? ['target'] : [])].join(' \u00b7 ');
  const rows = make('dl', '');
  for (const [name, value] of node.detail) {
    rows.append(make('dt', '', name), make('dd', /^[0-9a-f]{16,}$/.test(value) ? 'long' : '', value));
  }
  return [close, title, make('p', '', about), ...share(node), rows,
    ...relatives('Parents', node.parents, 'up', node.up, 'ancestor'),
    ...relatives('Children', node.children, 'down', node.down, 'descendant')];
}

function share(node) {
  if (!node.items) return [];
  const [done, total] = node.items, bar = make('progress', '');
  [bar.max, bar.value] = [Math.max(total, 1), done];
  return [bar, make('p', '', `${done} of ${total} items current`)];
}

function relatives(title, near, side, reached, name) {
  if (!near.length) return [];
  const count = reached.nodes.size;
  const head = make('h3', side, `${title} (${near.length}) `, make('small', '', `${count} ${name}${count === 1 ? '' : 's'} in all`));
  const list = make('ul', '', ...near.map((node) => {
    const link = make('a', '', make('bdi', '', node.name));
    link.href = node.link;
    if (node.state !== 'current') link.append(make('small', node.state, word(node)));
    return make('li', '', link);
  }));
  return [head, list];
}

// Finding: by a part of the name, by a state, or by both.
let state = null;
const searching = () => find.value.trim() !== '' || state !== null;

function search() {
  const text = find.value.trim().toLowerCase();
  hits = searching() ? nodes.filter((node) => node.name.toLowerCase().includes(text) && (!state || node.state === state)) : [];
  hits.sort((a, b) => a.x - b.x || a.y - b.y);
  hit = -1;
  for (const button of Object.values(words)) button.ariaPressed = String(button.dataset.state === state);
  mark();
  if (text) next(1);
  else found.value = state ? `${hits.length} found` : '';
}

function next(step) {
  found.value = hits.length ? '' : 'none';
  if (!hits.length) return;
  hit = hit < 0 && step < 0 ? hits.length - 1 : (hit + step + hits.length) % hits.length;
  found.value = `${hit + 1} of ${hits.length}`;
  mark();
  visit(hits[hit]);
}

function clear() {
  find.value = '';
  state = null;
  search();
}

find.addEventListener('input', search);
find.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') {
    // The first time the node in sight, then one after the other.
    if (hit < 0 || (picked && picked.element === hits[hit].element)) next(event.shiftKey ? -1 : 1);
    choose(hits[hit] ?? null);
  } else if (event.key === 'Escape') {
    clear();
    svg.focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
});
byId('legend').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  state = state === button.dataset.state ? null : button.dataset.state;
  search();
});

// Moving with pointers: one drags, two pinch, and one that does not move selects.
const pointers = new Map();
let moved = 0;

svg.addEventListener('pointerdown', (event) => {
  if (event.button) return;
  if (!pointers.size) moved = 0;
  pointers.set(event.pointerId, event);
});
svg.addEventListener('pointermove', (event) => {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
  moved += Math.abs(dx) + Math.abs(dy);
  if (moved < 5) return;
  if (!svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
  svg.classList.add('moving');
  const [other] = [...pointers.values()].filter((pointer) => pointer.pointerId !== event.pointerId);
  if (other) {
    const apart = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
    zoom(apart(event) / Math.max(apart(last), 1), other.clientX, other.clientY);
  } else pan(-dx, -dy);
  pointers.set(event.pointerId, event);
});
for (const end of ['pointerup', 'pointercancel']) {
  svg.addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) svg.classList.remove('moving');
  });
}
svg.addEventListener('click', (event) => {
  if (moved >= 5) return;
  const element = event.target.closest('.node');
  choose(element ? nodes[+element.id.slice(1)] : null);
});
svg.addEventListener('dblclick', (event) => zoom(event.shiftKey ? 0.5 : 2, event.clientX, event.clientY));
svg.addEventListener('wheel', (event) => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX, event.clientY);
}, { passive: false });

byId('zoom').addEventListener('click', (event) => {
  const how = event.target.dataset.zoom;
  if (how === 'fit') fit();
  else if (how) zoom(how === 'in' ? 1.4 : 1 / 1.4);
});

// Keys.
function nearest(among, from) {
  return among.reduce((best, node) => !best || Math.abs(node.y - from.y) < Math.abs(best.y - from.y) ? node : best, null);
}

function step(key) {
  if (key === 'ArrowLeft') return nearest(picked.parents, picked);
  if (key === 'ArrowRight') return nearest(picked.children, picked);
  const down = key === 'ArrowDown';
  return nearest(nodes.filter((node) => Math.abs(node.x - picked.x) < 60 && (down ? node.y > picked.y : node.y < picked.y)), picked);
}

const keys = {
  '/': () => find.select(),
  '+': () => zoom(1.4), '=': () => zoom(1.4), '-': () => zoom(1 / 1.4), 0: fit,
  Escape: () => searching() ? clear() : choose(null),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === find) return;
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (arrow && details.contains(event.target)) return;
  if (arrow && picked) choose(step(event.key));
  else if (arrow) pan(arrow[0] * 80, arrow[1] * 80);
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});

// On paper, all of it.
const onScreen = {};
addEventListener('beforeprint', () => {
  Object.assign(onScreen, view);
  cull(Infinity, Infinity);
  svg.setAttribute('viewBox', `0 0 ${whole.width} ${whole.height}`);
  svg.classList.remove('far');
});
addEventListener('afterprint', () => show(onScreen.x, onScreen.y, onScreen.scale));
addEventListener('resize', resize);
addEventListener('hashchange', follow);

show(whole.width / 2, whole.height / 2, Math.min(fitting(), 1.25));
follow();
if (picked && svg.classList.contains('far')) visit(picked);
document.documentElement.dataset.ready = nodes.length;
