// Light or dark: the system's choice until the person makes one, which is then remembered.
// A classic script in <head>, so that the page is never painted in the wrong theme first.
(() => {
  const key = "sketch-search.theme";
  const root = document.documentElement;
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage may be forbidden; the toggle then lasts for this visit
    }
  };

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

  const describe = () => {
    const button = document.querySelector("[data-testid=theme-toggle]");
    if (!button) return;
    const label = isDark() ? "Switch to the light theme" : "Switch to the dark theme";
    button.setAttribute("aria-label", label);
    button.title = label;
    const bar = getComputedStyle(root).getPropertyValue("--desk").trim();
    document.querySelector("meta[name=theme-color]")?.setAttribute("content", bar);
  };

  const choice = remembered();
  if (choice === "dark" || choice === "light") root.dataset.theme = choice;

  document.addEventListener("DOMContentLoaded", () => {
    describe();
    systemDark.addEventListener("change", describe);
    document.querySelector("[data-testid=theme-toggle]").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem(key, root.dataset.theme);
      } catch {
        // not remembered, still switched
      }
      describe();
    });
  });
})();
