// Refs that move the focus when the focused element is removed.

/** Focuses the element when it is mounted. */
export const focus = (element: HTMLElement | null) => element?.focus();

/** Moves the focus to a neighbouring item when the focused item is removed. */
export const passFocusOn = (item: HTMLElement | null) => () => {
  if (!item?.contains(document.activeElement)) return;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  (next?.querySelector<HTMLElement>("input, button") ?? document.querySelector("h1"))?.focus();
};
