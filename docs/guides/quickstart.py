"""From passages to a steered model of your own, in a few cells; about a minute on two cores."""

# %% Passages with an emotion and, if they have one, a topic: here some of those that ship with emoviz.
import emoviz as ez

chosen = ("afraid", "angry", "calm", "happy", "sad", "neutral")
passages = [(p.emotion, p.text, p.topic) for p in ez.load_corpus().passages if p.emotion in chosen]

# %% A Hugging Face model that you have in memory, fine-tuned or not, and its vector set.
loaded = ez.load_model("SmolLM2-135M-Instruct")
own, tokenizer = loaded.model, loaded.tokenizer  # or AutoModelForCausalLM.from_pretrained(...)
model = ez.wrap(own, tokenizer, name="my-model")
vectors = ez.extract(model, passages, name="six-classes")

# %% Figures and tables of it.
ez.plot.depth(vectors).write_html("depth.html")
ez.plot.emotion_map(vectors, emotion="afraid").write_html("map.html")
print(ez.depth_curves(vectors)["decoding_accuracy"].to_frame()[["layer", "value", "low", "high"]].nlargest(3, "value"))

# %% Your own generate, steered inside the block and as it was afterwards.
inputs = tokenizer("When I opened the letter, I", return_tensors="pt")
with ez.steering(model, vectors, 0.7 * ez.direction(vectors, "calm") + 0.3 * ez.direction(vectors, "happy"), dose=0.04):
    print(tokenizer.decode(own.generate(**inputs, max_new_tokens=30, do_sample=False)[0]))
