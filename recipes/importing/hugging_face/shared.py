"""Fields that change no count and no shape, whatever the class: initialisation, dropout, tokens, generation."""

from __future__ import annotations

NO_EFFECT = frozenset(
    """
    _attn_implementation _attn_implementation_autoset _attn_implementation_internal _commit_hash
    _experts_implementation _experts_implementation_internal _flash_attn_2_enabled _from_model_config _name_or_path
    _num_labels _output_attentions _commit_id name_or_path

    add_bos_token add_eos_token additional_special_tokens_ids bos_token bos_token_id boi_token_id boi_token_index
    cls_token_id decoder_start_token_id eod_token_id eoi_token_id eoi_token_index eos_token eos_token_id im_end_id
    im_start_id image_token_id image_token_index im_patch_token_id mask_token_id pad_id pad_token pad_token_id
    sep_token_id text_eod_id think_end_token_id think_start_token_id unk_token_id video_token_id video_token_index
    vision_end_token_id vision_start_token_id vision_token_id audio_token_id audio_token_index image_pad_token_id
    org_vocab_size vocab_file vocab_list token_keys prefix special_tokens gradient_checkpointing language_ids
    forced_bos_token_id forced_decoder_ids

    initializer_cutoff_factor initializer_factor initializer_range init_method_std init_std embd_initializer_range
    embedding_initializer_range init_device init_fn init_scale init_cutoff_factor use_depth_scaled_init
    initializer_std initializer_type initialization_method

    activation_dropout attention_dropout attention_dropout_prob attention_dropout_rate attention_probs_dropout_prob
    attn_dropout attn_pdrop classifier_activation classifier_bias classifier_dropout classifier_dropout_prob
    classifier_dropout_rate classifier_pooling dropout dropout_rate embd_pdrop embd_pdrop_rate embed_dropout
    embedding_dropout emb_pdrop ffn_dropout hidden_dropout hidden_dropout_prob layerdrop layer_dropout lora_dropout
    mlp_dropout qa_dropout resid_dropout resid_pdrop residual_dropout seq_classif_dropout summary_activation
    summary_first_dropout summary_last_dropout summary_proj_to_labels summary_type summary_use_proj
    encoder_layerdrop decoder_layerdrop pooler_dropout pooler_hidden_act token_dropout drop_path_rate

    epsilon layer_norm_eps layer_norm_epsilon layernorm_epsilon ln_eps norm_eps norm_epsilon rms_norm_eps
    rms_norm_epsilon rmsnorm_eps mixer_rms_eps norm_layer_eps mamba_rms_norm_eps norm_eps_multiplier group_norm_eps

    architectures attn_implementation auto_map code_revision custom_pipelines dtype model_type torch_dtype
    transformers_version torchscript transformers.js_config kernel_config checkpoint_version revision unsloth_fixed
    unsloth_version unsloth_processed bnb_config mlx_version library_name license tags pruned_heads
    chunk_size_feed_forward problem_type id2label label2id num_labels finetuning_task task_specific_params
    output_attentions output_hidden_states return_dict tokenizer_class is_training is_finetuned base_model_tp_plan
    base_model_pp_plan base_model_ep_plan keys_to_ignore_at_inference sentence_transformers tf_legacy_loss
    use_bfloat16 gradient_checkpointing_use_reentrant onnx full_attn_mod use_mrope

    bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size
    exponential_decay_length_penalty forced_eos_token_id length_penalty max_length max_new_tokens min_length
    min_new_tokens no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_scores
    remove_invalid_values repetition_penalty return_dict_in_generate suppress_tokens temperature top_k top_p
    typical_p use_cache generation_config num_logits_to_keep no_bias_logits logits_processor
    assistant_confidence_threshold assistant_lookbehind encoder_repetition_penalty epsilon_cutoff eta_cutoff
    num_assistant_tokens num_assistant_tokens_schedule target_lookbehind

    attention_softmax_in_fp32 attn_impl flash_attention flash_attn kernel_options fused_bias_fc fused_dropout_add_ln
    fused_mlp mamba_chunk_size memory_efficient_attention fp32_logits cast_logits_dtype enable_moe_fp32_combine
    reorder_and_upcast_attn scale_attention_softmax_in_fp32 scale_attn_by_inverse_layer_idx scale_attn_weights
    use_associative_scan use_flash_attn use_flash_attention use_flash_attention_2 use_fused_cross_entropy
    use_fused_rmsnorm use_fused_rope use_fused_mlp use_kernels use_mamba_kernels use_mambapy use_mem_eff_path
    use_memory_efficient_attention fuse_cross_entropy fuse_linear_cross_entropy fuse_norm fuse_swiglu use_l2warp
    use_sdpa deterministic_flash_attn sparse_prediction sparse_pred_ignore_index reference_compile unpad_inputs
    torch_compile pretraining_tp tensor_parallel ep_size expert_parallel model_parallel slow_but_exact
    attn_uses_sequence_id residual_in_fp32 attn_mode attn_prefill_backend

    aux_loss_alpha aux_loss_coef aux_loss_weight balance_loss_weight jitter_eps jitter_noise input_jitter_noise
    load_balance_alpha mtp_loss_scaling_factor is_decoder is_encoder_decoder mtp_loss_weight output_router_logits
    router_aux_loss_coef router_aux_loss_coefficient router_jitter_noise router_z_loss_coef
    router_z_loss_coefficient seq_aux z_loss_coefficient z_loss_coef router_bias_update_speed expert_capacity
    add_router_probs router_ignore_padding_tokens router_dtype moe_router_dtype moe_loss_weight use_aux_loss
    router_bias_gamma moe_router_bias_update_rate

    topk_method topk_group n_group num_expert_group norm_topk_prob scoring_func score_function score_func
    routed_scaling_factor route_scale route_norm router_scaling_factor moe_router_score_function
    moe_router_activation_func moe_router_topk_scaling_factor moe_renormalize moe_routed_scaling_factor moe_norm_min
    moe_gate_act use_grouped_topk moe_router_use_sigmoid norm_topk moe_apply_router_weight_on_input
    moe_router_logit_softcapping moe_layer_use_all_gather

    attention_multiplier attention_in_multiplier attention_out_multiplier attention_value_scale attn_alpha
    attn_scale attn_temperature_tuning attn_logit_softcapping attn_logit_softcap dim_model_base embedding_multiplier
    embedding_scale final_logit_softcapping final_logit_softcap logits_soft_cap logit_scale logits_scaling
    key_multiplier lm_head_multiplier mlp_multipliers residual_multiplier scale_depth scale_emb scale_embedding
    scale_decoder_outputs scale_embeddings softmax_scale ssm_multipliers ssm_in_multiplier ssm_out_multiplier
    query_pre_attn_scalar attention_scale floor_scale clip_qkv qkv_clip alibi_bias_max mup_enabled mup_scale_factor
    mup_base_width mup_width_multiplier use_logit_cap full_attn_alpha_factor full_attn_beta_factor
    linear_attn_alpha_factor linear_attn_beta_factor mlp_alpha_factor mlp_beta_factor layernorm_full_attention_alpha
    layernorm_full_attention_beta layernorm_linear_attention_alpha layernorm_linear_attention_beta
    layernorm_mlp_alpha layernorm_mlp_beta embeddings_scale swiglu_alpha swiglu_limit attention_temperature
    rope_interleave rope_interleaved use_scaled_rope

    time_step_floor time_step_init_scheme time_step_limit time_step_max time_step_min time_step_scale
    rescale_prenorm_residual rescale_every rescale_layer a_init_range dt_init_floor dt_max dt_min dt_limit
    chunk_size A_init_range norm_before_gate block_size mamba_ssm_cache_dtype mamba_ssm_dtype ssm_dtype
    """.split()  # noqa: SIM905  (a table for people)
)
"""Read by nothing here, wherever they stand. Every name is the whole name of a field."""

SWITCHES = frozenset(
    """
    add_cross_attention alibi apply_residual_connection_post_layernorm attention_bias attention_chunk_size bias
    conv_bias encoder_hidden_size cross_attention_hidden_size early_exit fim_rate first_k_dense_replace is_decoder
    is_encoder_decoder is_moe lm_head_bias max_window_layers mlp_bias mlp_only_layers moe_layers mtp_num_layers
    multi_query n_inner no_rope_layers num_experts num_local_experts num_mtp_modules num_nextn_predict_layers
    num_kv_shared_layers num_shared_experts per_layer_config original_max_position_embeddings parallel_attn
    partial_rotary_factor position_embedding_type prefix_lm pos_att_type q_lora_rank qk_layernorm qk_ln qk_norm
    quantization_config qkv_bias rope_parameters rope_scaling rope_theta rotary_dim rotary_pct
    shared_expert_intermediate_size shared_intermediate_size sinusoidal_pos_embds sliding_window tie_encoder_decoder
    tie_last_hidden_states tie_word_embeddings use_bias use_bidirectional_attention use_conv_bias
    use_parallel_residual use_qk_norm use_qkv_bias use_sliding_window use_mtp no_bias logits_bias attention_out_bias
    attention_sink add_bias_linear add_qkv_bias head_dim vision_config audio_config layer_types
    """.split()  # noqa: SIM905
)
"""Fields that some class has and another has not; switched off (null, false, 0) they may stand in any file."""

MTP_COUNTS = frozenset({"num_nextn_predict_layers", "num_mtp_layers", "num_mtp_modules", "mtp_num_hidden_layers",
                        "mtp_num_layers", "num_mtp_heads", "n_predict_layers", "_num_mtp_layers"})  # fmt: skip
"""How many modules for multi-token prediction there are; a class that does not read them says so."""
