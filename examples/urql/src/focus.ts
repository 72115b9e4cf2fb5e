// Where the focus goes when what had it goes away. These are refs.

/** Takes the focus when it is shown, in place of the page before. */
export const focus = (element: HTMLElement | null) => element?.focus();

/** An item that gives the focus, if it has it, to the next when it goes away. */
export const passFocusOn = (item: HTMLElement | null) => () => {
  if (!item?.contains(document.activeElement)) return;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  (next?.querySelector<HTMLElement>("input, button") ?? document.querySelector("h1"))?.focus();
};
