// JSON Pointers as the frames by which @sd-jwt names claims.

/** Says which claims can be disclosed: `_sd` lists them at each level. */
export function disclosureFrame(pointers, decoys) {
  const frame = {};
  for(const pointer of pointers) {
    const steps = parse(pointer);
    const name = steps.pop();
    const level = steps.reduce((inner, step) => inner[step] ??= {}, frame);
    (level._sd ??= []).push(/^\d+$/.test(name) ? Number(name) : name);
  }
  if(decoys) {
    frame._sd_decoy = decoys;
  }
  return frame;
}

/** Says which claims to disclose: `true` at the end of each path. */
export function presentationFrame(pointers) {
  const frame = {};
  for(const pointer of pointers) {
    const steps = parse(pointer);
    const name = steps.pop();
    let level = frame;
    for(const step of steps) {
      if(typeof level[step] !== 'object') {
        level[step] = {};
      }
      level = level[step];
    }
    level[name] ??= true;
  }
  return frame;
}

function parse(pointer) {
  return pointer.split('/').slice(1).map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}
