// Comparisons (tuned, equal hidden size, …): one is shown, and all places of the page change together.
const choose = (name, key) => {
  document.querySelectorAll(`[data-option-of="${name}"]`).forEach(option => { option.hidden = option.dataset.key !== key; });
  document.querySelectorAll(`[data-choice="${name}"] input`).forEach(input => { input.checked = input.value === key; });
};

document.querySelectorAll("[data-choice]").forEach(box => {
  const name = box.dataset.choice;
  box.addEventListener("change", event => {
    choose(name, event.target.value);
    view.set(name, event.target.value, box.querySelector("input").value);
  });
});

new Set([...document.querySelectorAll("[data-choice]")].map(box => box.dataset.choice)).forEach(name => {
  const inputs = [...document.querySelector(`[data-choice="${name}"]`).querySelectorAll("input")];
  const wanted = view.get(name, inputs[0].value);
  choose(name, inputs.some(input => input.value === wanted) ? wanted : inputs[0].value);
});
