document.documentElement.classList.add("scripted"); // first of all: what is drawn next must have its real width

// The view (choices, filters, target) lives in the address after "#", as key=value pairs: a copied address shows it.
const view = (() => {
  const pairs = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const listeners = [];
  const write = () => {
    const text = pairs.toString();
    const address = text ? "#" + text : location.pathname + location.search;
    try { history.replaceState(null, "", address); } catch { location.hash = text; }
  };
  return {
    get: (key, otherwise = "") => pairs.get(key) ?? otherwise,
    // A value that is the default is not written: the address stays short.
    set(key, value, otherwise = "") {
      if (String(value) === String(otherwise)) pairs.delete(key); else pairs.set(key, value);
      write();
      listeners.forEach(listener => listener(key));
    },
    changed: listener => listeners.push(listener),
  };
})();

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, ""); else if (value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
};

