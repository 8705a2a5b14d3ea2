// Folded parts open by themselves where a browser follows a link into them; here are the ways that it does not know.
const unfold = element => {
  for (let part = element; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
};

const jump = (id, behavior) => {
  const content = document.getElementById(id);
  if (!content) return;
  unfold(content);
  const title = document.getElementById(`${id}-title`) ?? content;
  title.scrollIntoView({ behavior });
  title.focus({ preventScroll: true });
};

// Sections keep their own links; the view stays in the address beside the section that was jumped to.
document.querySelectorAll('nav a, main a[href^="#"]').forEach(link => link.addEventListener("click", event => {
  event.preventDefault();
  view.set("at", link.hash.slice(1));
  jump(link.hash.slice(1), "smooth");
}));
window.addEventListener("hashchange", () => jump(location.hash.slice(1), "instant"));

// On paper everything is open, and afterwards as it was.
let closed = [];
window.addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach(part => { part.open = true; });
});
window.addEventListener("afterprint", () => closed.forEach(part => { part.open = false; }));
