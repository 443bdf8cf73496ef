// Movement that explains where things went, and none of it for people who asked for less.

const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");

export function isReduced() {
  return reduced.matches;
}

/** Runs `change`, then lets each element glide from where it was to where it is; newcomers rise in. */
export function glide(elements, change) {
  if (isReduced()) {
    change();
    return;
  }
  // Read while earlier glides still run, so that a card turns in mid-flight instead of jumping.
  const before = new Map(elements().map((element) => [element, element.getBoundingClientRect()]));
  change();
  for (const element of elements()) {
    for (const animation of element.getAnimations()) animation.cancel();
  }
  const after = elements().map((element) => [element, element.getBoundingClientRect()]);
  for (const [element, to] of after) {
    const from = before.get(element);
    if (from) move(element, from, to);
    else element.animate([{ opacity: 0, transform: "translateY(10px) scale(0.97)" }, {}], { duration: 220, easing: "ease-out" });
  }
}

function move(element, from, to) {
  const x = from.left - to.left;
  const y = from.top - to.top;
  const scale = to.width > 0 ? from.width / to.width : 1;
  if (Math.abs(x) < 1 && Math.abs(y) < 1 && Math.abs(scale - 1) < 0.01) return;
  element.animate(
    [{ transformOrigin: "0 0", transform: `translate(${x}px, ${y}px) scale(${scale})` }, { transformOrigin: "0 0", transform: "none" }],
    { duration: 320, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" },
  );
}
